// Signed-in pages: the frame, htmx with morphing that leaves alone what is being typed, and the pulse.

import htmx from "htmx.org";
import { Idiomorph } from "idiomorph";

import "./frame";
import { startPulse } from "./pulse";

// Idiomorph's own extension evaluates text as code, which the content security policy rightly forbids.
const STYLES: Record<string, "outerHTML" | "innerHTML"> = {
  morph: "outerHTML",
  "morph:outerHTML": "outerHTML",
  "morph:innerHTML": "innerHTML",
};

/** What the reader has unfolded stays so. */
const mayChange = (name: string, node: Element): boolean => !(name === "open" && node instanceof HTMLDetailsElement);

htmx.defineExtension("morph", {
  isInlineSwap: (style: string) => STYLES[style] === "outerHTML",
  handleSwap: (style: string, target: Node, fragment: Node) => {
    const morphStyle = STYLES[style];
    if (!morphStyle || !(target instanceof Element) || !(fragment instanceof DocumentFragment)) return false;
    const callbacks = { beforeAttributeUpdated: mayChange };
    return Idiomorph.morph(target, fragment.children, { morphStyle, ignoreActiveValue: true, callbacks }) as Node[]; // a promise only for <head>
  },
});

document.addEventListener("lingxiu:inserted", (event) => {
  if (event.target instanceof HTMLElement) htmx.process(event.target);
});

if (document.body.dataset.reader) startPulse(document.body.dataset.pulse ?? "");
