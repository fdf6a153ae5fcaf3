// One tap takes text, and a picture where the phone can share files, into WeChat.
// Where the clipboard is closed to pages (no HTTPS, old WebViews) the text is selected, to be copied by hand.

import { island } from "../lib/islands";

class ForWeChat {
  private picture: File | null = null;

  constructor(
    private readonly element: HTMLElement,
    private readonly button: HTMLButtonElement,
    private readonly text: HTMLTextAreaElement,
  ) {}

  start(): void {
    this.button.hidden = false;
    this.button.addEventListener("click", () => void this.take());
  }

  private async take(): Promise<void> {
    const words = this.element.dataset;
    const copied = await this.copy();
    if (await this.share()) return this.say(words.shared);
    this.say(copied ? words.copied : words.selected);
  }

  private async copy(): Promise<boolean> {
    try {
      await navigator.clipboard.writeText(this.text.value);
      return true;
    } catch {
      return this.selectIt();
    }
  }

  /** The old way; where that is closed as well, the text stands there selected. */
  private selectIt(): boolean {
    const details = this.text.closest("details");
    if (details) details.open = true;
    this.text.focus();
    this.text.select();
    this.text.setSelectionRange(0, this.text.value.length);
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  }

  /** The phone's own sheet, with the picture. False where there is none, or its owner closed it. */
  private async share(): Promise<boolean> {
    const address = this.element.dataset.picture;
    if (!address || typeof navigator.canShare !== "function") return false;
    try {
      this.picture ??= await fetched(address);
      const sheet = { files: [this.picture], text: this.text.value };
      if (!navigator.canShare(sheet)) return false;
      await navigator.share(sheet);
      return true;
    } catch {
      return false; // closed, or the tap was too long ago: the picture is here now, the next tap shares it
    }
  }

  private say(text?: string): void {
    const note = this.element.querySelector("[role=status]");
    if (note) note.textContent = text ?? "";
  }
}

async function fetched(address: string): Promise<File> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`no picture at ${address}`);
  const blob = await answer.blob();
  return new File([blob], "photo.jpg", { type: blob.type });
}

island("copy", (element) => {
  const button = element.querySelector("button");
  const text = element.querySelector("textarea");
  if (button && text) new ForWeChat(element, button, text).start();
});
