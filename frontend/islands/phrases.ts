// Phrases to tap: each fills the text area it stands beside, or adds to what is written there, and is edited there.
// A button with `data-instead` writes that in place of what stands there: a number. Without script none of them is shown.

import { island } from "../lib/islands";

const SENTENCE_ENDS = /[\s。.!！?？]$/;

island("phrases", (element) => {
  const area = document.getElementById(element.dataset.fills ?? "");
  if (!(area instanceof HTMLTextAreaElement || area instanceof HTMLInputElement)) return;
  element.hidden = false;
  for (const button of element.querySelectorAll<HTMLElement>("[data-instead]")) button.hidden = false;
  element.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    const before = area.value.trimEnd();
    const gap = !before || SENTENCE_ENDS.test(before) ? "" : "。";
    const words = button.dataset.instead ?? `${before}${gap}${button.textContent.trim()}`;
    if (area.maxLength >= 0 && words.length > area.maxLength) return;
    area.value = words;
    area.dispatchEvent(new Event("input", { bubbles: true })); // the draft is kept
    area.scrollTop = area.scrollHeight;
  });
});
