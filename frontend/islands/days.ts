// Issues over time: the slider and the play button choose a day, and the drawing shows what was open on it.
// Without script the form asks the server for the day.

import { island } from "../lib/islands";

const STEP_MS = 400;

class Days {
  private timer = 0;

  constructor(
    private readonly element: HTMLElement,
    private readonly slider: HTMLInputElement,
    private readonly said: HTMLOutputElement,
    private readonly play: HTMLButtonElement,
  ) {}

  start(): void {
    this.play.hidden = false;
    this.slider.addEventListener("input", () => this.show());
    this.play.addEventListener("click", () => (this.timer ? this.stop() : this.run()));
    this.show();
  }

  /** A spot stands there from the day it was reported (`data-from`) up to the day it ended (`data-to`). */
  private show(): void {
    const day = this.slider.valueAsNumber;
    const names = JSON.parse(this.element.dataset.days ?? "[]") as string[];
    let open = 0;
    for (const spot of this.element.querySelectorAll<SVGElement>("[data-from]")) {
      const from = Number(spot.dataset.from);
      const stands = from <= day && day <= Number(spot.dataset.to);
      spot.toggleAttribute("hidden", !stands);
      spot.classList.toggle("new", from === day);
      if (stands) open += 1;
    }
    const said = this.element.dataset.said ?? "{day} · {n}";
    this.said.value = said.replace("{day}", names[day] ?? "").replace("{n}", String(open));
    this.slider.setAttribute("aria-valuetext", this.said.value);
  }

  private run(): void {
    if (this.slider.value === this.slider.max) this.slider.value = "0";
    this.play.setAttribute("aria-pressed", "true");
    this.timer = window.setInterval(() => {
      if (this.slider.value === this.slider.max) return this.stop();
      this.slider.stepUp();
      this.show();
    }, STEP_MS);
    this.show();
  }

  private stop(): void {
    window.clearInterval(this.timer);
    this.timer = 0;
    this.play.setAttribute("aria-pressed", "false");
  }
}

island("days", (element) => {
  const slider = element.querySelector<HTMLInputElement>("input[type=range]");
  const said = element.querySelector<HTMLOutputElement>("output");
  const play = element.querySelector<HTMLButtonElement>("[data-play]");
  if (slider && said && play) new Days(element, slider, said, play).start();
});
