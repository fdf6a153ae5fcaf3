// Whether a key pressed in a page of lists is meant as a command.

const TYPED = "input:not([type=checkbox]), select, textarea, [contenteditable=true]";

/** False for what is typed into a field, for the browser's own keys, and for what somebody else has taken already. */
export function isCommand(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return false;
  return !(event.target instanceof Element && event.target.closest(TYPED));
}
