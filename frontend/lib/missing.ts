// What a form lacks, said by us: the browser says it in its own language, for a moment, and some WebViews say nothing at all,
// so that a tap on "send" does nothing and nobody knows why.

import { word } from "./words";

type Field = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

const NOTE = "[data-missing]";

/** Where the words stand: below the whole of what the field belongs to. */
const placeOf = (field: Field): Element => field.closest("fieldset, .field") ?? field.parentElement ?? field;

function said(field: Field): string {
  const { validity } = field;
  if (!validity.valueMissing) {
    if (validity.rangeUnderflow) return word("atLeast", field.getAttribute("min") ?? "");
    if (validity.rangeOverflow) return word("atMost", field.getAttribute("max") ?? "");
    return word("doesNotFit");
  }
  if (field instanceof HTMLSelectElement || field.type === "radio") return word("chooseOne");
  if (field.type === "checkbox") return word("tickThis");
  return field.type === "file" ? word("fileMissing") : word("fillIn");
}

function tell(field: Field): void {
  const place = placeOf(field);
  field.setAttribute("aria-invalid", "true");
  place.classList.add("wrong");
  if (place.querySelector(`:scope > ${NOTE}`)) return; // each of several radio buttons says that one is missing
  const note = Object.assign(document.createElement("p"), { className: "errors", textContent: said(field) });
  note.dataset.missing = "";
  note.setAttribute("role", "alert");
  place.append(note);
}

function forget(target: EventTarget | null): void {
  const place = target instanceof Element ? placeOf(target as Field) : null;
  const note = place?.querySelector(`:scope > ${NOTE}`);
  if (!place || !note) return;
  note.remove();
  place.classList.remove("wrong");
  for (const field of place.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** Tells of each field what is wrong with it, in the page's language, and shows the first. */
export function sayWhatIsMissing(form: HTMLFormElement): void {
  let first: Field | null = null;
  form.addEventListener(
    "invalid",
    (event) => {
      event.preventDefault();
      const field = event.target as Field;
      tell(field);
      if (first) return;
      first = field;
      window.setTimeout(() => {
        placeOf(field).scrollIntoView({ block: "center" });
        field.focus({ preventScroll: true });
        first = null;
      });
    },
    true,
  );
  form.addEventListener("input", (event) => forget(event.target));
  form.addEventListener("change", (event) => forget(event.target));
}
