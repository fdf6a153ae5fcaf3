// Writes shop, time, place and person into the pixels of a photo taken on the spot, and puts it back into the form.
// An older file is only made small: the server writes on it that it is from the album. One the browser cannot draw is left.

import { island } from "../lib/islands";
import { locate, type Place } from "../lib/position";
import { word } from "../lib/words";

const LONGEST_SIDE = 2560;
const PREVIEW_SIDE = 900;
const SMALL_BYTES = 1_500_000;
const QUALITY = 0.86;
/** A camera's file is seconds old; what lay in the album is not. */
const ON_THE_SPOT = 10 * 60 * 1000;

class Photo {
  private readonly input: HTMLInputElement;
  private position: Promise<Place | null> = Promise.resolve(null);

  constructor(private readonly element: HTMLElement) {
    const input = element.querySelector<HTMLInputElement>("input[type=file]");
    if (!input) throw new Error("a photo island has no file input");
    this.input = input;
  }

  start(): void {
    this.element.dataset.ready = "";
    // Asked while the camera opens; never where the page says that it is nobody's business.
    if (this.element.dataset.located !== "no") this.input.addEventListener("click", () => (this.position = locate()));
    this.input.addEventListener("change", () => void this.take());
    this.input.addEventListener("lingxiu:restored", () => void this.show());
    if ("restored" in this.input.dataset) void this.show();
    else if (this.input.files?.length) void this.early();
  }

  /** A photo taken while this script was still on its way: on a slow line the button is there first. */
  private early(): Promise<void> {
    const marked = this.element.querySelector<HTMLInputElement>(`input[name="${this.input.name}_watermarked"]`);
    if (marked?.value) return this.show(); // marked before: the browser itself brought the form back
    if (this.element.dataset.located !== "no") this.position = locate();
    return this.take();
  }

  private async take(): Promise<void> {
    const file = this.input.files?.[0];
    this.fill({ lng: "", lat: "", accuracy: "", shot_at: "", watermarked: "" });
    if (!file) return this.clear();
    this.element.setAttribute("aria-busy", "true");
    this.say(word("photoWorking"));
    try {
      this.say(await this.mark(file));
    } catch {
      this.say(file.type.startsWith("image/") ? word("photoAlbum") : word("photoBad"));
    } finally {
      this.element.removeAttribute("aria-busy");
      this.input.dispatchEvent(new CustomEvent("lingxiu:file", { bubbles: true }));
    }
  }

  /** Marks the file where it was taken just now; answers with what to tell the reader. */
  private async mark(file: File): Promise<string> {
    const picture = await decode(file);
    if (Date.now() - file.lastModified > ON_THE_SPOT) return this.shrink(file, picture);
    const shotAt = new Date(file.lastModified);
    const place = await this.position;
    const canvas = scaled(picture, LONGEST_SIDE);
    write(canvas, this.lines(shotAt, place));
    const blob = await jpeg(canvas);
    putFile(this.input, new File([blob], "photo.jpg", { type: "image/jpeg", lastModified: file.lastModified }));
    this.fill({
      lng: place ? place.lng.toFixed(6) : "",
      lat: place ? place.lat.toFixed(6) : "",
      accuracy: place ? place.accuracy.toFixed(0) : "",
      shot_at: shotAt.toISOString(),
      watermarked: "1",
    });
    this.preview(canvas);
    if (this.element.dataset.located === "no") return word("photoTimed");
    return place ? word("photoMarked") : word("photoNoPlace");
  }

  /** An album picture made as small as those taken here, not tens of megabytes; one that is small is left as it is. */
  private async shrink(file: File, picture: ImageBitmap | HTMLImageElement): Promise<string> {
    this.preview(picture);
    if (Math.max(picture.width, picture.height) > LONGEST_SIDE || file.size > SMALL_BYTES) {
      const blob = await jpeg(scaled(picture, LONGEST_SIDE));
      if (blob.size < file.size) putFile(this.input, new File([blob], "album.jpg", { type: "image/jpeg", lastModified: file.lastModified }));
    }
    return word("photoAlbum");
  }

  private lines(at: Date, place: Place | null): string[] {
    const { shop = "", place: known = "", person = "" } = this.element.dataset;
    const where = known || this.typed("place"); // of a find at no shop, where its form says it is
    const spot = place ? `${place.lat.toFixed(5)}, ${place.lng.toFixed(5)} ±${place.accuracy.toFixed(0)} m` : "";
    return [shop, stamp(at), [where, spot].filter(Boolean).join(" · "), person].filter(Boolean);
  }

  private typed(name: string): string {
    const field = this.input.form?.elements.namedItem(name);
    return field instanceof HTMLInputElement ? field.value.trim() : "";
  }

  private async show(): Promise<void> {
    const file = this.input.files?.[0];
    if (!file) return;
    try {
      this.preview(await decode(file));
    } catch {
      this.say(word("photoAlbum"));
    }
  }

  private preview(picture: CanvasImageSource & { width: number; height: number }): void {
    const canvas = this.element.querySelector<HTMLCanvasElement>("[data-photo-preview]");
    if (canvas) {
      scaled(picture, PREVIEW_SIDE, canvas);
      canvas.hidden = false;
    }
    this.element.dataset.taken = "";
    this.call(word("photoAgain"));
  }

  private clear(): void {
    const canvas = this.element.querySelector<HTMLCanvasElement>("[data-photo-preview]");
    if (canvas) canvas.hidden = true;
    this.say("");
    this.input.dispatchEvent(new CustomEvent("lingxiu:file", { bubbles: true }));
  }

  private call(text: string): void {
    const call = this.element.querySelector("[data-photo-call]");
    if (call) call.textContent = text;
  }

  private say(text: string): void {
    const note = this.element.querySelector(".photo-note");
    if (note) note.textContent = text;
  }

  private fill(values: Record<string, string>): void {
    for (const [part, value] of Object.entries(values)) {
      const field = this.element.querySelector<HTMLInputElement>(`input[name="${this.input.name}_${part}"]`);
      if (field) field.value = value;
    }
  }
}

/** The picture, upright. Throws where the file is none. */
async function decode(file: File): Promise<ImageBitmap | HTMLImageElement> {
  try {
    return await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return await decodeByImage(file);
  }
}

async function decodeByImage(file: File): Promise<HTMLImageElement> {
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function scaled(picture: CanvasImageSource & { width: number; height: number }, longest: number, canvas = document.createElement("canvas")): HTMLCanvasElement {
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  brush(canvas).drawImage(picture, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Lines at the foot of the picture, white on a dark ground, the first one strong. */
function write(canvas: HTMLCanvasElement, lines: string[]): void {
  const pen = brush(canvas);
  const size = Math.max(16, Math.round(Math.max(canvas.width, canvas.height) / 44));
  const step = Math.round(size * 1.45);
  const pad = Math.round(size * 0.8);
  const height = lines.length * step + pad * 1.4;
  pen.fillStyle = "rgba(11, 54, 64, 0.72)";
  pen.fillRect(0, canvas.height - height, canvas.width, height);
  pen.fillStyle = "#ffffff";
  pen.textBaseline = "top";
  lines.forEach((line, at) => {
    pen.font = `${at === 0 ? 600 : 400} ${size}px system-ui, "PingFang SC", "Noto Sans SC", sans-serif`;
    pen.fillText(line, pad, canvas.height - height + pad * 0.8 + at * step, canvas.width - 2 * pad);
  });
}

function brush(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser draws no canvas");
  return context;
}

function jpeg(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture came out"))), "image/jpeg", QUALITY),
  );
}

function putFile(input: HTMLInputElement, file: File): void {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  input.files = transfer.files;
}

/** `2026-03-05 14:20:31` by the phone's clock and zone. */
function stamp(at: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

island("photo", (element) => new Photo(element).start());
