// A device's ten-minute means with thresholds and alarms, and below them when fan and purifier ran.
// Tooltips are rich text drawn on the canvas: HTML ones would need inline styles.

import { LineChart, type LineSeriesOption } from "echarts/charts";
import {
  AriaComponent,
  AxisPointerComponent,
  GridComponent,
  type GridComponentOption,
  MarkAreaComponent,
  MarkLineComponent,
  TooltipComponent,
  type TooltipComponentOption,
} from "echarts/components";
import { type ComposeOption, type ECharts, init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";

import { island } from "../lib/islands";
import palette from "../palette.json";

use([LineChart, GridComponent, TooltipComponent, AxisPointerComponent, MarkLineComponent, MarkAreaComponent, AriaComponent, CanvasRenderer]);

type Option = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption>;
type Window = [start: string, mean: number | null, fanMinutes: number | null, purifierMinutes: number | null];

interface Answer {
  unit: string;
  label: string;
  thresholds: { value: number; label: string }[];
  windows: Window[];
  alarms: { code: string; label: string; from: string; to: string | null }[];
}

interface Words {
  fan: string;
  purifier: string;
  alarm: string;
  empty: string;
  failed: string;
}

const COLOURS = palette.chart;
const WINDOW_MINUTES = 10;
const REFETCH_AT_MOST_EVERY = 30_000;

island("chart", (element) => {
  const { url = "", wordsFan = "", wordsPurifier = "", wordsAlarm = "", wordsEmpty = "", wordsFailed = "" } = element.dataset;
  const words: Words = { fan: wordsFan, purifier: wordsPurifier, alarm: wordsAlarm, empty: wordsEmpty, failed: wordsFailed };
  let chart: ECharts | null = null;
  let fetchedAt = 0;

  const draw = async () => {
    fetchedAt = Date.now();
    try {
      const answer = await fetch(url, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const data = (await answer.json()) as Answer;
      if (data.windows.length === 0) return void (element.textContent = words.empty);
      chart ??= init(element);
      chart.setOption(option(data, words), { notMerge: true });
    } catch {
      if (!chart) element.textContent = words.failed; // a chart that stands is better than none
    }
  };

  void draw();
  new ResizeObserver(() => chart?.resize()).observe(element);
  document.body.addEventListener("lingxiu:changed", () => {
    if (Date.now() - fetchedAt > REFETCH_AT_MOST_EVERY) void draw();
  });
});

function option(data: Answer, words: Words): Option {
  const grids = { left: 52, right: 16 };
  return {
    animation: false,
    useUTC: true,
    aria: { enabled: true },
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: palette.surface.quiet },
    tooltip: { trigger: "axis", renderMode: "richText", formatter: (points) => tip(points, data, words), confine: true },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    grid: [
      { ...grids, top: 28, bottom: 96 },
      { ...grids, height: 18, bottom: 58 },
      { ...grids, height: 18, bottom: 30 },
    ],
    xAxis: [0, 1, 2].map((gridIndex) => ({
      type: "time" as const,
      gridIndex,
      axisLine: { lineStyle: { color: palette.surface.line } },
      axisTick: { show: gridIndex === 2 },
      axisLabel: { show: gridIndex === 2, hideOverlap: true },
    })),
    yAxis: [
      { type: "value", name: `${data.label} ${data.unit}`, nameTextStyle: { align: "left" }, min: 0, max: highest(data), splitLine: { lineStyle: { color: palette.surface.faded } } },
      { type: "value", gridIndex: 1, min: 0, max: WINDOW_MINUTES, show: true, ...named(words.fan) },
      { type: "value", gridIndex: 2, min: 0, max: WINDOW_MINUTES, show: true, ...named(words.purifier) },
    ],
    series: [means(data, words), ran(data, 2, 1, COLOURS.fan), ran(data, 3, 2, COLOURS.purifier)],
  };
}

/** Room for the values and for every threshold, so that a calm day shows how calm it was. */
function highest({ windows, thresholds }: Answer): number {
  const top = Math.max(...windows.map(([, mean]) => mean ?? 0), ...thresholds.map(({ value }) => value));
  return Math.ceil(top * 1.15 * 2) / 2;
}

/** The county's wall clock, whatever zone the reader's machine is set to: drawn as if it were UTC. */
const wall = (iso: string): string => `${iso.slice(0, 19)}Z`;

/** A strip's axis: only its name, left of it. */
const named = (name: string) => ({
  name,
  nameLocation: "middle" as const,
  nameRotate: 0,
  nameGap: 4,
  nameTextStyle: { align: "right" as const, fontSize: 11 },
  axisLabel: { show: false },
  axisTick: { show: false },
  axisLine: { show: false },
  splitLine: { show: false },
});

function means(data: Answer, words: Words): LineSeriesOption {
  const last = data.windows.at(-1)?.[0] ?? "";
  return {
    type: "line",
    name: data.label,
    showSymbol: false,
    connectNulls: false,
    data: data.windows.map(([start, mean]) => [wall(start), mean]),
    lineStyle: { color: COLOURS.fume, width: 2 },
    itemStyle: { color: COLOURS.fume },
    markLine: {
      silent: true,
      symbol: "none",
      lineStyle: { color: COLOURS.threshold, type: "dashed" },
      label: { position: "insideEndTop", color: COLOURS.threshold, formatter: "{b}" },
      data: data.thresholds.map(({ value, label }) => ({ yAxis: value, name: label })),
    },
    markArea: {
      silent: true,
      itemStyle: { color: COLOURS.alarm },
      label: { color: palette.tones.red.ink, position: "insideTop" },
      data: data.alarms.map(({ label, from, to }) => [
        { name: label || words.alarm, xAxis: wall(from), label: beside(wall(from), data) },
        { xAxis: wall(to ?? last) },
      ]),
    },
  };
}

/** An alarm's name begins where the alarm does; late in the day it ends there, or it would run over the right edge. */
function beside(from: string, { windows }: Answer): { position: "insideTopLeft"; align: "left" | "right" } {
  const [first, last] = [wall(windows[0]?.[0] ?? from), wall(windows.at(-1)?.[0] ?? from)].map(Date.parse) as [number, number];
  return { position: "insideTopLeft", align: Date.parse(from) - first > (last - first) / 2 ? "right" : "left" };
}

/** When something ran, as a strip: its height is the share of the window it ran in. */
function ran(data: Answer, column: 2 | 3, axis: number, colour: string): LineSeriesOption {
  return {
    type: "line",
    step: "end",
    showSymbol: false,
    silent: true,
    xAxisIndex: axis,
    yAxisIndex: axis,
    data: data.windows.map((window) => [wall(window[0]), window[column]]),
    lineStyle: { width: 0 },
    areaStyle: { color: colour, opacity: 1 },
  };
}

function tip(points: unknown, data: Answer, words: Words): string {
  const at = (points as { dataIndex: number }[])[0]?.dataIndex ?? -1;
  const window = data.windows[at];
  if (!window) return "";
  const [start, mean, fan, purifier] = window;
  const minutes = (name: string, value: number | null) => `${name} ${value ?? "–"}/${WINDOW_MINUTES}`;
  return [start.slice(0, 16).replace("T", " "), `${data.label} ${mean ?? "–"} ${data.unit}`, minutes(words.fan, fan), minutes(words.purifier, purifier)].join("\n");
}
