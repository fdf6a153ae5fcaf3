// "Where I am": writes the phone's position into the form it stands in, once its owner presses and allows it.
// Without script the button is not there, and the place is written in words.

import { island } from "../lib/islands";
import { locate } from "../lib/position";
import { fill } from "../lib/words";

class WhereIAm {
  constructor(
    private readonly element: HTMLElement,
    private readonly button: HTMLButtonElement,
  ) {}

  start(): void {
    this.button.hidden = false;
    this.button.addEventListener("click", () => void this.take());
    if (this.field("lng")?.value) this.taken();
  }

  private async take(): Promise<void> {
    this.button.setAttribute("aria-busy", "true");
    const place = await locate();
    this.button.removeAttribute("aria-busy");
    for (const name of ["lng", "lat"] as const) {
      const field = this.field(name);
      if (field) field.value = place ? place[name].toFixed(6) : "";
    }
    if (place) this.taken(Math.ceil(place.accuracy));
    else this.say(this.element.dataset.none ?? "");
  }

  /** Who says where they are need not describe it. */
  private taken(accuracy?: number): void {
    const described = this.element.closest("form")?.querySelector<HTMLInputElement>("input[name=place]");
    if (described) described.required = false;
    this.say(accuracy === undefined ? (this.element.dataset.kept ?? "") : fill(this.element.dataset.taken ?? "", accuracy));
  }

  private field(name: string): HTMLInputElement | null {
    return this.element.querySelector<HTMLInputElement>(`input[name=${name}]`);
  }

  private say(text: string): void {
    const note = this.element.querySelector("[role=status]");
    if (note) note.textContent = text;
  }
}

island("place", (element) => {
  const button = element.querySelector("button");
  if (button) new WhereIAm(element, button).start();
});
