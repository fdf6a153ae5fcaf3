// The page's words for what scripts draw; they stand once in ui/words.html, in the page's language.

const words = document.querySelector<HTMLTemplateElement>("template#words");

/** The word of this name with `{n}` filled in; its name where the page does not have it. */
export function word(name: string, n?: number | string): string {
  return fill(words?.dataset[name] ?? name, n);
}

/** A sentence with its `{n}` filled in. */
export function fill(text: string, n?: number | string): string {
  return n === undefined ? text : text.replace("{n}", String(n));
}
