// Draws how long is left, or how late it is, into every <time data-due-at>. Without it the date stands there.

import { word } from "../lib/words";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Hours are said up to three days: "late 30 h" moves people, "late 1 d" does not. */
const HOURS_UP_TO = 3 * DAY;

type Tone = "late" | "soon" | "on-time";

/** What to say of a due time, `left` milliseconds away; negative is late. */
export function lateness(left: number): { text: string; tone: Tone } {
  const side = left < 0 ? "late" : "due";
  const away = Math.abs(left);
  const tone = left < 0 ? "late" : left < DAY ? "soon" : "on-time";
  if (away < HOUR) return { text: word(`${side}Minutes`, Math.max(1, Math.floor(away / MINUTE))), tone };
  if (away < HOURS_UP_TO) return { text: word(`${side}Hours`, Math.floor(away / HOUR)), tone };
  return { text: word(`${side}Days`, Math.floor(away / DAY)), tone };
}

function draw(): void {
  const now = Date.now();
  for (const element of document.querySelectorAll<HTMLElement>("[data-due-at]")) {
    const { text, tone } = lateness(Date.parse(element.dataset.dueAt ?? "") - now);
    if (element.textContent !== text) element.textContent = text;
    element.classList.remove("tone-late", "tone-soon", "tone-on-time");
    element.classList.add(`tone-${tone}`);
  }
}

/** Draws now, every minute, after every morph, and when the phone wakes up. */
export function startDue(): void {
  draw();
  setInterval(draw, MINUTE);
  document.addEventListener("htmx:afterSwap", draw); // in the same frame as the morph: the date never flickers
  document.addEventListener("lingxiu:inserted", draw);
  document.addEventListener("visibilitychange", draw);
}
