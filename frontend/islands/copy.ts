// One tap takes text and picture into WeChat: by the phone's own sheet, or both on the clipboard of a desktop; within WeChat,
// which has neither, the picture stands beside the copied text, to be pressed long.
// Where the clipboard is closed to pages (no HTTPS, old WebViews) the text is selected, to be copied by hand.

import { island } from "../lib/islands";

/** A phone's: desktops have one too, without WeChat in it. */
const HAS_SHEET = typeof navigator.canShare === "function" && matchMedia("(pointer: coarse)").matches;
const IN_WECHAT = /MicroMessenger/i.test(navigator.userAgent);

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
    if (!IN_WECHAT && (await this.copyBoth())) return this.say(words.both);
    const copied = await this.copy();
    if (!IN_WECHAT && (await this.share())) return this.say(words.shared);
    if (this.show()) return this.say(words.press);
    this.say(copied ? words.copied : words.selected);
  }

  /** Text and picture at once, where there is no sheet to pass them on by. The picture is fetched while the browser waits. */
  private async copyBoth(): Promise<boolean> {
    const address = this.element.dataset.picture;
    if (!address || HAS_SHEET || typeof ClipboardItem !== "function") return false;
    try {
      const text = new Blob([this.text.value], { type: "text/plain" });
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text, "image/png": png(address) })]);
      return true;
    } catch {
      return false;
    }
  }

  /** The picture, in the page, once: false where there is none. */
  private show(): boolean {
    const address = this.element.dataset.picture;
    if (!address || !IN_WECHAT) return false;
    if (!this.element.querySelector("img")) {
      const image = new Image();
      image.src = address;
      image.alt = this.element.dataset.press ?? "";
      image.className = "to-press";
      this.element.append(image);
    }
    return true;
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

/** The picture as PNG, the one kind every clipboard takes. */
async function png(address: string): Promise<Blob> {
  const picture = await createImageBitmap(await fetched(address));
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d")?.drawImage(picture, 0, 0);
  return await new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture came out"))), "image/png"),
  );
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
