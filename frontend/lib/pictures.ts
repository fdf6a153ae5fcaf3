// Pictures for the map drawn on this machine, with its own fonts: there is no glyph server in a closed network.

import { surface } from "../palette.json";

const RATIO = 2;
const BADGE = 9;
const FONT = 'system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans SC", sans-serif';

export interface Picture {
  image: ImageData;
  ratio: number;
}

/** How many shops stand together, in a ring that shows what kinds they are; right of it, where no town's name runs, how many have an alarm. */
export function ring(count: number, alarmed: number, alarm: string, shares: { share: number; colour: string }[]): Picture {
  const radius = count < 10 ? 15 : count < 100 ? 18 : count < 500 ? 22 : 26;
  const room = alarmed ? 12 : 0; // on both sides, so that the ring's middle is the picture's
  return drawn(2 * (radius + room), 2 * radius, (pen) => {
    pen.translate(room, 0);
    let from = -Math.PI / 2;
    for (const { share, colour } of shares) {
      const to = from + share * 2 * Math.PI;
      pen.beginPath();
      pen.moveTo(radius, radius);
      pen.arc(radius, radius, radius - 1, from, to);
      pen.fillStyle = colour;
      pen.fill();
      from = to;
    }
    pen.beginPath();
    pen.arc(radius, radius, radius * 0.7, 0, 2 * Math.PI);
    pen.fillStyle = surface.paper;
    pen.fill();
    pen.fillStyle = surface.text;
    pen.font = `600 ${radius < 18 ? 11 : 12}px ${FONT}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(String(count), radius, radius + 0.5);
    if (alarmed) sign(pen, alarmed > 99 ? "99+" : String(alarmed), alarm, 2 * radius + 3, radius);
  });
}

/** A name with a light edge, readable on lines and dots. */
export function label(text: string, size: number, weight: number, colour: string): Picture {
  const font = `${weight} ${size}px ${FONT}`;
  const width = Math.ceil(widthOf(text, font)) + 8;
  return drawn(width, size + 8, (pen) => {
    pen.font = font;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    pen.lineWidth = 4;
    pen.strokeStyle = "rgba(255, 255, 255, 0.9)";
    pen.strokeText(text, width / 2, size / 2 + 4.5);
    pen.fillStyle = colour;
    pen.fillText(text, width / 2, size / 2 + 4.5);
  });
}

/** A small round badge with one sign in it, edged in white. */
export function badge(text: string, colour: string): Picture {
  return drawn(2 * BADGE, 2 * BADGE, (pen) => sign(pen, text, colour, BADGE, BADGE));
}

function sign(pen: CanvasRenderingContext2D, text: string, colour: string, x: number, y: number): void {
  pen.beginPath();
  pen.arc(x, y, BADGE - 1, 0, 2 * Math.PI);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = surface.paper;
  pen.stroke();
  pen.fillStyle = surface.paper;
  pen.font = `700 ${text.length < 2 ? 12 : text.length < 3 ? 10 : 8}px ${FONT}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(text, x, y + 0.5);
}

function widthOf(text: string, font: string): number {
  const pen = context(1, 1);
  pen.font = font;
  return pen.measureText(text).width;
}

function drawn(width: number, height: number, draw: (pen: CanvasRenderingContext2D) => void): Picture {
  const pen = context(width * RATIO, height * RATIO);
  pen.scale(RATIO, RATIO);
  draw(pen);
  return { image: pen.getImageData(0, 0, width * RATIO, height * RATIO), ratio: RATIO };
}

function context(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  if (!pen) throw new Error("this browser draws no canvas");
  return pen;
}
