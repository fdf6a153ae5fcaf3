// A device's means over a day, a week, a month or a year: with the highest readings as a band, high values shaded, gaps left open,
// what it is compared with, alarms and issues as marks that open, and below when fan and purifier ran, or what the answer names.
// Or a forecast, where the answer is a trend.
// Tooltips are rich text drawn on the canvas: HTML ones would need inline styles.

import { LineChart, type LineSeriesOption } from "echarts/charts";
import {
  AxisPointerComponent,
  GridComponent,
  type GridComponentOption,
  LegendComponent,
  type LegendComponentOption,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  type TooltipComponentOption,
} from "echarts/components";
import { type ComposeOption, type ECharts, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import { island } from "../lib/islands";
import { type Trend, trendOption } from "../lib/trend";
import palette from "../palette.json";

use([LineChart, GridComponent, TooltipComponent, LegendComponent, AxisPointerComponent, MarkLineComponent, MarkAreaComponent, CanvasRenderer]);

type Option = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption | LegendComponentOption>;
type Step = [start: string, mean: number | null, highest: number | null, ...minutes: (number | null)[]];
type Spot = [at: number, value: number | null];

interface Mark {
  label: string;
  from: string;
  to?: string | null;
  url: string;
}

interface Beside {
  name: "before" | "year" | "kind";
  label: string;
  step: number;
  points: [string, number | null][];
}

interface Strip {
  label: string;
  colour: keyof typeof palette.chart;
}

interface Answer {
  unit: string;
  label: string;
  step: number;
  from: string;
  until: string;
  thresholds: { value: number; label: string }[];
  windows: Step[];
  strips?: Strip[];
  beside: Beside[];
  alarms: Mark[];
  issues: (Mark & { number: string })[];
  held: { label: string; from: string; to: string }[];
}

type Word = "fan" | "purifier" | "alarm" | "issue" | "highest" | "above" | "gap" | "empty" | "failed";
type Words = Record<Word, string>;

const COLOURS = palette.chart;
const MINUTE = 60_000;
const DAY_MINUTES = 1440;
const NARROW = 520;
const REFETCH_AT_MOST_EVERY = 30_000;
const STRIP = { height: 16, apart: 22, type: 11 };

island("chart", (element) => {
  const said = (name: Word) => element.dataset[`words${name[0]!.toUpperCase()}${name.slice(1)}`] ?? "";
  const words = Object.fromEntries(
    (["fan", "purifier", "alarm", "issue", "highest", "above", "gap", "empty", "failed"] as const).map((name) => [name, said(name)]),
  ) as Words;
  let chart: ECharts | null = null;
  let drawn: Answer | Trend | null = null;
  let fetchedAt = 0;

  const say = (sentence: string) => {
    element.classList.add("bare");
    element.textContent = sentence;
  };
  const show = () => {
    if (!drawn) return;
    const narrow = element.clientWidth < NARROW;
    chart?.setOption(isTrend(drawn) ? trendOption(drawn, narrow) : option(drawn, words, narrow), { notMerge: true });
  };
  const draw = async () => {
    fetchedAt = Date.now();
    try {
      const answer = await fetch(element.dataset["url"] ?? "", { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      drawn = (await answer.json()) as Answer | Trend;
      if (!isTrend(drawn) && drawn.windows.length === 0 && drawn.beside.every(({ points }) => points.length === 0)) return say(words.empty);
      chart ??= begin(element);
      show();
    } catch {
      if (!chart) say(words.failed); // a chart that stands is better than none
    }
  };

  void draw();
  let width = element.clientWidth;
  new ResizeObserver(() => {
    chart?.resize();
    if (element.clientWidth < NARROW !== width < NARROW) show();
    width = element.clientWidth;
  }).observe(element);
  document.body.addEventListener("lingxiu:changed", () => {
    if (Date.now() - fetchedAt > REFETCH_AT_MOST_EVERY) void draw();
  });
});

const isTrend = (answer: Answer | Trend): answer is Trend => "kind" in answer;

/** An empty chart whose marks open what they stand for. */
function begin(element: HTMLElement): ECharts {
  element.replaceChildren();
  element.classList.remove("bare");
  const chart = init(element);
  chart.on("click", ({ data }) => {
    const url = (data as { url?: string } | undefined)?.url;
    if (url) window.location.assign(url);
  });
  return chart;
}

function option(data: Answer, words: Words, narrow: boolean): Option {
  const strips = stripsOf(data, words);
  // One left edge for all: left to itself each strip makes room for its own name, and what happened at once no longer stands below it.
  const names = Math.max(0, ...strips.map(({ label }) => widthOf(label)));
  const grids = { left: Math.max(narrow ? 46 : 58, names + 8), right: narrow ? 18 : 20, outerBoundsMode: "none" as const };
  const last = strips.length + 1;
  const marks = { top: narrow ? 58 : 40, height: 20 };
  const bottom = 30 + strips.length * STRIP.apart;
  return {
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: palette.surface.quiet },
    legend: { top: 0, left: 0, itemWidth: 18, itemHeight: 8, itemGap: 12, selectedMode: false, textStyle: { color: palette.surface.quiet, fontSize: 12 }, data: named(data, words) },
    tooltip: { trigger: "axis", renderMode: "richText", formatter: (points) => tip(points, data, words), confine: true },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    grid: [
      { ...grids, top: marks.top + marks.height + 4, bottom: bottom + 6 },
      ...strips.map((_, n) => ({ ...grids, height: STRIP.height, bottom: bottom - (n + 1) * STRIP.apart + 6 })),
      { ...grids, top: marks.top, height: marks.height },
    ],
    xAxis: [...strips, 0, 0].map((_, gridIndex) => ({
      type: "time" as const,
      gridIndex,
      min: wall(data.from),
      max: wall(data.until),
      axisLine: { show: gridIndex !== last, lineStyle: { color: palette.surface.line } },
      axisTick: { show: gridIndex === last - 1 },
      axisLabel: { show: gridIndex === last - 1, hideOverlap: true, formatter: { year: "{yyyy}", month: "{yyyy}-{MM}", day: "{MM}-{dd}", hour: "{HH}:{mm}", minute: "{HH}:{mm}" } },
    })),
    yAxis: [
      { type: "value", min: lowest(data), max: highest(data), minInterval: data.unit === "×" ? 1 : 0, name: data.unit, nameLocation: "end", nameGap: 6, nameTextStyle: { align: "right" as const, fontSize: 11, padding: [0, 8, 0, 0] }, axisLabel: { showMaxLabel: data.unit === "×" }, splitLine: { lineStyle: { color: palette.surface.faded } } },
      ...strips.map(({ label }, n) => ({ type: "value" as const, gridIndex: n + 1, min: 0, max: data.step, ...nameOf(label) })),
      { type: "value", gridIndex: last, min: 0, max: 1, ...nameOf("") }, // the unit stands there, and the legend names the marks
    ],
    series: [
      ...band(data, words),
      above(data, words),
      ...data.beside.map((one) => besideIt(one)),
      means(data),
      ...strips.map(({ colour }, n) => ran(data, n + 3, n + 1, COLOURS[colour])),
      marked(words.alarm, data.alarms, last, "triangle", palette.tones.red.fill),
      marked(words.issue, data.issues, last, "diamond", palette.tones.blue.fill),
    ],
  };
}

/** What is drawn below the values: of fume monitors fan and purifier. */
const stripsOf = (data: Answer, words: Words): Strip[] =>
  data.strips ?? [
    { label: words.fan, colour: "fan" },
    { label: words.purifier, colour: "purifier" },
  ];

/** Whether anything came in a step. */
const heard = ([, ...values]: Step): boolean => values.some((value) => value !== null);

/** What the legend tells of: only what is drawn. */
function named(data: Answer, words: Words): { name: string; icon?: string }[] {
  return [
    { name: data.label },
    ...(data.windows.some(([, , peak]) => peak !== null) ? [{ name: words.highest, icon: "roundRect" }] : []),
    ...(data.thresholds.length ? [{ name: words.above, icon: "roundRect" }] : []),
    ...data.beside.map(({ label }) => ({ name: label })),
    ...(data.alarms.length ? [{ name: words.alarm, icon: "triangle" }] : []),
    ...(data.issues.length ? [{ name: words.issue, icon: "diamond" }] : []),
  ];
}

/** Room for the means and for every threshold, so that a calm day shows how calm it was; a single wild reading may run out at the top. */
function highest({ windows, thresholds, beside }: Answer): number {
  const means = windows.map(([, mean]) => mean ?? 0);
  const peaks = windows.map(([, , peak]) => peak ?? 0).sort((a, b) => a - b);
  const usual = peaks[Math.floor(peaks.length * 0.98)] ?? 0;
  const others = beside.flatMap(({ points }) => points.map(([, value]) => value ?? 0));
  const top = Math.max(0, ...means, usual, ...others, ...thresholds.map(({ value }) => value));
  return Math.ceil(top * 1.1 * 2) / 2;
}

/** Nothing, but for what is below it: degrees of frost. */
const lowest = ({ windows }: Answer): number => Math.floor(Math.min(0, ...windows.map(([, mean]) => mean ?? 0)));

/** The county's wall clock in milliseconds, whatever zone the reader's machine is set to: drawn as if it were UTC. */
const wall = (iso: string): number => Date.parse(`${iso.slice(0, 19)}Z`);

/** How wide a strip's name is drawn, in pixels. */
function widthOf(name: string): number {
  const pen = document.createElement("canvas").getContext("2d");
  if (!pen) return 0;
  pen.font = `${STRIP.type}px ${getComputedStyle(document.body).fontFamily}`;
  return Math.ceil(pen.measureText(name).width);
}

/** A strip's axis: only its name, left of it. */
const nameOf = (name: string) => ({
  name,
  nameLocation: "middle" as const,
  nameRotate: 0,
  nameGap: 4,
  nameTextStyle: { align: "right" as const, fontSize: STRIP.type },
  axisLabel: { show: false },
  axisTick: { show: false },
  axisLine: { show: false },
  splitLine: { show: false },
});

const spots = (data: Answer, column: 1 | 2): Spot[] => data.windows.map((step) => [wall(step[0]), step[column]]);

/** A value between two gaps has no line to either side: it stands as a dot. */
function dotted(line: Spot[]): { value: Spot; symbol: string }[] {
  const alone = (n: number) => line[n]?.[1] != null && line[n - 1]?.[1] == null && line[n + 1]?.[1] == null;
  return line.map((value, n) => ({ value, symbol: alone(n) ? "circle" : "none" }));
}

function means(data: Answer): LineSeriesOption {
  const limit = Math.max(...data.thresholds.map(({ value }) => value));
  return {
    id: "mean",
    type: "line",
    name: data.label,
    z: 5,
    symbolSize: 4,
    connectNulls: false,
    data: dotted(spots(data, 1)),
    lineStyle: { color: COLOURS.fume, width: 2 },
    itemStyle: { color: COLOURS.fume },
    markLine: {
      silent: true,
      symbol: "none",
      lineStyle: { color: COLOURS.threshold, type: "dashed" },
      label: { color: COLOURS.threshold, fontSize: 11, formatter: "{b}", backgroundColor: `${palette.surface.paper}d9`, padding: [1, 2] },
      // The highest limit is named above its line, lower ones below theirs: two that lie close would be written over one another.
      data: data.thresholds.map(({ value, label }) => ({
        yAxis: value,
        name: label,
        label: { position: value === limit ? ("insideEndTop" as const) : ("insideEndBottom" as const) },
      })),
    },
    markArea: {
      silent: true,
      label: { show: false },
      data: [
        ...data.alarms.map(({ from, to }) => area(wall(from), to ? wall(to) : end(data), COLOURS.alarm)),
        ...data.held.map(({ from, to }) => area(wall(from), wall(to), COLOURS.held)),
        ...gaps(data).map(([from, to]) => area(from, to, COLOURS.gap)),
      ],
    },
  };
}

const area = (from: number, to: number, color: string): [{ xAxis: number; itemStyle: { color: string } }, { xAxis: number }] => [
  { xAxis: from, itemStyle: { color } },
  { xAxis: to },
];

/** The end of the last step there is. */
const end = (data: Answer): number => wall(data.windows.at(-1)?.[0] ?? data.from) + data.step * MINUTE;

/** The times nothing came, each from the first missing step to the next that is there. */
function gaps(data: Answer): [number, number][] {
  const found: [number, number][] = [];
  let since: number | null = null;
  for (const step of data.windows) {
    if (!heard(step)) since ??= wall(step[0]);
    else if (since !== null) {
      found.push([since, wall(step[0])]);
      since = null;
    }
  }
  if (since !== null) found.push([since, end(data)]);
  return found;
}

/** From the mean up to the highest reading of each step. */
function band(data: Answer, words: Words): LineSeriesOption[] {
  const common = { type: "line" as const, stack: "band", silent: true, showSymbol: false, lineStyle: { width: 0 }, z: 1 };
  const over: Spot[] = data.windows.map(([start, mean, peak]) => [wall(start), mean === null || peak === null ? null : Math.max(0, peak - mean)]);
  return [
    { ...common, data: spots(data, 1), itemStyle: { color: COLOURS.band } },
    { ...common, name: words.highest, data: over, itemStyle: { color: COLOURS.band }, areaStyle: { color: COLOURS.band, opacity: 1 } },
  ];
}

/** The part of the means above the highest threshold, filled down to it; where the line crosses it, the crossing is drawn too. */
function above(data: Answer, words: Words): LineSeriesOption {
  const limit = Math.max(...data.thresholds.map(({ value }) => value), 0);
  const line = limit > 0 ? spots(data, 1) : [];
  const clamped: Spot[] = [];
  line.forEach(([at, value], n) => {
    const [before, past] = line[n - 1] ?? [at, null];
    if (value !== null && past !== null && past > limit !== value > limit) {
      clamped.push([before + ((limit - past) / (value - past)) * (at - before), limit]);
    }
    clamped.push([at, value === null ? null : Math.max(value, limit)]);
  });
  return {
    type: "line",
    name: words.above,
    silent: true,
    showSymbol: false,
    z: 4,
    data: clamped,
    lineStyle: { width: 0 },
    itemStyle: { color: COLOURS.high },
    areaStyle: { color: COLOURS.high, opacity: 1, origin: limit },
  };
}

function besideIt({ name, label, step, points }: Beside): LineSeriesOption {
  // A step that is not there must part the line, so the missing ones are put in.
  const line: Spot[] = [];
  for (const [start, value] of points) {
    const at = wall(start);
    const last = line.at(-1)?.[0];
    if (last !== undefined && at - last > step * MINUTE * 1.5) line.push([last + step * MINUTE, null]);
    line.push([at, value]);
  }
  return {
    type: "line",
    name: label,
    silent: true,
    z: 3,
    symbolSize: 3,
    data: dotted(line),
    lineStyle: { color: COLOURS[name], width: 1.5, type: name === "kind" ? "dotted" : "dashed" },
    itemStyle: { color: COLOURS[name] },
  };
}

/** When something ran, as a strip: its height is the share of the step it ran in. */
function ran(data: Answer, column: number, axis: number, colour: string): LineSeriesOption {
  const strip: Spot[] = data.windows.map((step) => [wall(step[0]), (step[column] as number | null) ?? null]);
  return {
    type: "line",
    step: "end",
    showSymbol: false,
    silent: true,
    xAxisIndex: axis,
    yAxisIndex: axis,
    data: [...strip, [end(data), strip.at(-1)?.[1] ?? null]],
    lineStyle: { width: 0 },
    itemStyle: { color: colour },
    areaStyle: { color: colour, opacity: 1 },
  };
}

/** What happened, in a strip of its own above the values: a mark opens it. */
function marked(name: string, marks: Mark[], axis: number, symbol: string, colour: string): LineSeriesOption {
  return {
    type: "line",
    name,
    xAxisIndex: axis,
    yAxisIndex: axis,
    symbol,
    symbolSize: 13,
    cursor: "pointer",
    lineStyle: { width: 0 },
    itemStyle: { color: colour },
    data: marks.map(({ from, url }) => ({ value: [wall(from), 0.5], url })),
  };
}

function tip(points: unknown, data: Answer, words: Words): string {
  const at = (points as { axisValue: number }[])[0]?.axisValue ?? 0;
  const length = data.step * MINUTE;
  const n = Math.floor((at - wall(data.from)) / length + 1e-6);
  const step = data.windows[n];
  const from = wall(data.from) + n * length;
  const day = new Date(from).toISOString();
  const figure = (value: number | null) => `${value ?? "–"} ${data.unit}`;
  const share = (minutes: number | null) => (minutes === null ? "–" : data.step > 60 ? `${Math.round(minutes / 6) / 10} h` : `${minutes}/${data.step} min`);
  const values = ([, mean, peak, ...minutes]: Step) => [
    `${data.label} ${figure(mean)}`,
    ...(peak === null ? [] : [`${words.highest} ${figure(peak)}`]),
    ...stripsOf(data, words).map(({ label }, n) => `${label} ${share(minutes[n] ?? null)}`),
  ];
  const meanwhile = (mark: Mark) => wall(mark.from) < from + length && (mark.to === undefined ? wall(mark.from) >= from : mark.to === null || wall(mark.to) > from);
  return [
    data.step === DAY_MINUTES ? day.slice(0, 10) : day.slice(0, 16).replace("T", " "),
    ...(step === undefined || !heard(step) ? [words.gap] : values(step)),
    ...data.beside.map(({ label, points: line, step }) => `${label} ${figure(valueAt(line, from, step))}`),
    ...[...data.alarms, ...data.issues].filter(meanwhile).slice(-4).map(({ label }) => `▲ ${label}`),
  ].join("\n");
}

/** What a line says of the step that holds this moment. */
function valueAt(line: [string, number | null][], at: number, step: number): number | null {
  const found = line.find(([start]) => wall(start) <= at && at < wall(start) + step * MINUTE);
  return found?.[1] ?? null;
}
