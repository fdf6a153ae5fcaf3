// What is near first, within what is due when: rows of a list in the order of their distance from the phone.
// The phone's position stays in this page: nothing of it is sent. Without it, or without script, rows stand by their due time.

import { island } from "../lib/islands";
import { locate, type Place } from "../lib/position";
import { fill } from "../lib/words";

const EARTH_RADIUS = 6_371_009; // metres
const STEP = 10; // metres: a phone knows no better
const RADIANS = Math.PI / 180;

class Near {
  private place: Place | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly button: HTMLButtonElement,
  ) {}

  async start(): Promise<void> {
    this.button.addEventListener("click", () => void this.look());
    document.addEventListener("htmx:afterSettle", () => this.arrange());
    document.addEventListener("visibilitychange", () => {
      if (this.place && document.visibilityState === "visible") void this.look();
    });
    this.button.hidden = !("geolocation" in navigator);
    if (await mayAlready()) void this.look();
  }

  private async look(): Promise<void> {
    this.button.setAttribute("aria-busy", "true");
    const place = await locate();
    this.button.removeAttribute("aria-busy");
    this.say(place ? fill(this.element.dataset.taken ?? "", Math.ceil(place.accuracy)) : (this.element.dataset.none ?? ""));
    this.place = place ?? this.place;
    this.arrange();
  }

  private arrange(): void {
    const place = this.place;
    if (!place) return;
    for (const list of document.querySelectorAll<HTMLElement>("[data-near]")) {
      const rows = [...list.children].filter((row): row is HTMLElement => row instanceof HTMLElement);
      const far = new Map(rows.map((row) => [row, distance(place, row)]));
      for (const row of rows) this.write(row, far.get(row) ?? Infinity);
      const sorted = [...rows].sort(by(far));
      if (sorted.some((row, at) => row !== rows[at])) list.append(...sorted);
    }
  }

  private write(row: HTMLElement, metres: number): void {
    const note = row.querySelector("[data-distance]");
    if (!note || !Number.isFinite(metres)) return;
    const near = metres < 1000;
    const n = near ? Math.round(metres / STEP) * STEP : (metres / 1000).toFixed(1);
    note.textContent = fill((near ? this.element.dataset.metres : this.element.dataset.kilometres) ?? "", n);
  }

  private say(text: string): void {
    const note = this.element.querySelector("[role=status]");
    if (note) note.textContent = text;
  }
}

const by = (far: Map<HTMLElement, number>) => (one: HTMLElement, other: HTMLElement) => {
  const [a, b] = [far.get(one) ?? Infinity, far.get(other) ?? Infinity];
  return a === b ? 0 : a - b;
};

/** Metres to a row's place; infinite where it has none. */
function distance(from: Place, row: HTMLElement): number {
  const { lng, lat } = row.dataset;
  if (!lng || !lat) return Infinity;
  const [north, east] = [((Number(lat) - from.lat) * RADIANS) / 2, ((Number(lng) - from.lng) * RADIANS) / 2];
  const chord = Math.sin(north) ** 2 + Math.cos(from.lat * RADIANS) * Math.cos(Number(lat) * RADIANS) * Math.sin(east) ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.min(1, Math.sqrt(chord)));
}

/** Whether the phone's owner let this page ask before: then nothing pops up. */
async function mayAlready(): Promise<boolean> {
  try {
    return (await navigator.permissions.query({ name: "geolocation" })).state === "granted";
  } catch {
    return false; // WebViews without that question: one tap more
  }
}

island("near", (element) => {
  const button = element.querySelector("button");
  if (button) void new Near(element, button).start();
});
