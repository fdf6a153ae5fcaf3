// A day is written 2026-03-05, a time 14:20 on every page, whatever the browser's own language: its date fields follow that, and on an
// English page of a Chinese phone two ways of writing a day would stand beside each other. Only what is shown is ours: the
// field, its picker and what is typed into it stay the browser's.

import { word } from "./words";

const FIELDS = "input:is([type=date], [type=datetime-local], [type=time])";

const blank = (field: HTMLInputElement): string => (field.type === "time" ? "--:--" : word("noDay"));

function show(field: HTMLInputElement): void {
  field.dataset.shown = field.value.replace("T", " ") || blank(field);
  field.toggleAttribute("data-blank", !field.value);
}

function showAll(): void {
  for (const field of document.querySelectorAll<HTMLInputElement>(FIELDS)) show(field);
}

/** Keeps every date field's own way of writing hidden behind ours, also of forms that come later. */
export function startDates(): void {
  showAll();
  for (const happens of ["input", "change", "focusout", "reset", "lingxiu:inserted", "htmx:afterSettle", "lingxiu:restored"]) {
    document.addEventListener(happens, () => window.setTimeout(showAll));
  }
  document.addEventListener("click", (event) => {
    const field = event.target;
    if (!(field instanceof HTMLInputElement) || !field.matches(FIELDS) || field.readOnly || field.disabled) return;
    try {
      field.showPicker(); // the whole field opens it, not the small sign at its end alone
    } catch {
      // a browser without it, or one that has it open already
    }
  });
}
