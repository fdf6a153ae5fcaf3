// Keys of a list: next and previous row, tick, search, help. Off while something is typed; ticks outlast a live refresh.
// Rows are the table's own links and boxes, so that the chosen row is simply the one with the focus.

import { island } from "../lib/islands";
import { isCommand } from "../lib/keys";
import { fill } from "../lib/words";

class List {
  private readonly ticked = new Set<string>();
  private chosen = "";

  constructor(private readonly element: HTMLElement) {}

  start(): void {
    document.addEventListener("keydown", (event) => this.press(event));
    this.element.addEventListener("change", (event) => this.tick(event.target));
    this.element.addEventListener("focusin", (event) => this.choose(event.target));
    document.body.addEventListener("htmx:afterSwap", () => this.redraw());
    this.redraw();
  }

  // keys

  private press(event: KeyboardEvent): void {
    if (!isCommand(event)) return;
    const at = event.target;
    const inRow = at instanceof Element && this.rows.some((row) => row.contains(at));
    const done = this.act(event.key, inRow);
    if (done) event.preventDefault();
  }

  private act(key: string, inRow: boolean): boolean {
    switch (key) {
      case "j":
        return this.go(1);
      case "k":
        return this.go(-1);
      case "ArrowDown":
        return inRow && this.go(1);
      case "ArrowUp":
        return inRow && this.go(-1);
      case "x":
        return this.tickChosen();
      case "/":
        return this.search();
      case "?":
        return this.help();
      default:
        return false;
    }
  }

  private go(step: number): boolean {
    const rows = this.rows;
    const here = rows.findIndex((row) => row.id === this.chosen);
    const next = here < 0 ? rows[0] : rows[Math.min(rows.length - 1, Math.max(0, here + step))];
    next?.querySelector<HTMLElement>(".main a")?.focus();
    next?.scrollIntoView({ block: "nearest" });
    return next !== undefined;
  }

  private tickChosen(): boolean {
    const box = this.rows.find((row) => row.id === this.chosen)?.querySelector<HTMLInputElement>("input[name=row]");
    box?.click();
    return box !== null && box !== undefined;
  }

  private search(): boolean {
    const field = document.querySelector<HTMLInputElement>("form.filters input.q");
    field?.focus();
    field?.select();
    return field !== null;
  }

  private help(): boolean {
    const keys = this.element.querySelector<HTMLDetailsElement>("details[data-keys]");
    if (!keys) return false;
    keys.open = !keys.open;
    if (keys.open) keys.scrollIntoView({ block: "nearest" });
    return true;
  }

  // rows and ticks

  private get rows(): HTMLTableRowElement[] {
    return [...this.element.querySelectorAll<HTMLTableRowElement>("tbody tr[id]")];
  }

  private get boxes(): HTMLInputElement[] {
    return [...this.element.querySelectorAll<HTMLInputElement>("input[name=row]")];
  }

  private choose(target: EventTarget | null): void {
    const row = target instanceof Element ? target.closest("tbody tr[id]") : null;
    if (row) this.chosen = row.id;
  }

  private tick(target: EventTarget | null): void {
    if (!(target instanceof HTMLInputElement)) return;
    if (target.dataset.tickAll !== undefined) for (const box of this.boxes) box.checked = target.checked;
    for (const box of this.boxes) {
      if (box.checked) this.ticked.add(numberOf(box));
      else this.ticked.delete(numberOf(box));
    }
    this.redraw();
  }

  /** After a refresh the rows are the server's: tick again what was ticked and is still there. */
  private redraw(): void {
    const boxes = this.boxes;
    const there = new Set(boxes.map(numberOf));
    for (const number of [...this.ticked]) if (!there.has(number)) this.ticked.delete(number);
    for (const box of boxes) box.checked = this.ticked.has(numberOf(box));
    const all = this.element.querySelector<HTMLInputElement>("input[data-tick-all]");
    if (all) {
      all.hidden = false;
      all.checked = boxes.length > 0 && this.ticked.size === boxes.length;
      all.indeterminate = this.ticked.size > 0 && !all.checked;
    }
    const told = this.element.querySelector("[data-ticked]");
    if (told) told.textContent = this.ticked.size ? fill(this.element.dataset.tickedWords ?? "{n}", this.ticked.size) : "";
  }
}

/** A box says `number.version`; the version changes while the tick stays. */
const numberOf = (box: HTMLInputElement): string => box.value.split(".")[0] ?? "";

island("list", (element) => new List(element).start());
