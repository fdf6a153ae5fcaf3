// A forecast drawn: a figure a day, its limit, the trend carried on to it, and the days between which it is expected.

import type { LineSeriesOption } from "echarts/charts";
import type { GridComponentOption, LegendComponentOption, TooltipComponentOption } from "echarts/components";
import type { ComposeOption } from "echarts/core";

import palette from "../palette.json";

type Day = [day: string, value: number];

export interface Trend {
  kind: "trend";
  unit: string;
  label: string;
  from: string;
  until: string;
  today: { day: string; label: string };
  limit: { value: number; label: string };
  points: Day[];
  line: { label: string; points: Day[] };
  /** The lines to the first and to the last of the days it is expected on. */
  edges: Day[][];
  expected: { from: string; until: string; label: string };
  done: { day: string; label: string }[];
}

export type TrendOption = ComposeOption<LineSeriesOption | GridComponentOption | TooltipComponentOption | LegendComponentOption>;

const COLOURS = palette.chart;
const at = (day: string): number => Date.parse(`${day}T00:00:00Z`);
const spots = (points: Day[]): [number, number][] => points.map(([day, value]) => [at(day), value]);

export function trendOption(data: Trend, narrow: boolean): TrendOption {
  const quiet = { color: palette.surface.quiet };
  const carried = { type: "line" as const, silent: true, showSymbol: false, z: 2 };
  return {
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, ...quiet },
    legend: { top: 0, left: 0, itemWidth: 18, itemHeight: 8, itemGap: 12, selectedMode: false, textStyle: { ...quiet, fontSize: 12 }, data: [{ name: data.label }, { name: data.line.label }, { name: data.expected.label, icon: "roundRect" }] },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true, formatter: (points) => tip(points, data) },
    grid: { left: narrow ? 46 : 58, right: narrow ? 12 : 20, top: narrow ? 58 : 44, bottom: 28 },
    xAxis: { type: "time", min: at(data.from), max: at(data.until), axisLabel: { hideOverlap: true, formatter: { year: "{MM}-{dd}", month: "{MM}-{dd}", day: "{MM}-{dd}", hour: "" } } },
    yAxis: { type: "value", min: 0, max: highest(data), name: data.unit, nameLocation: "end", nameGap: 6, nameTextStyle: { align: "right", fontSize: 11 }, splitLine: { lineStyle: { color: palette.surface.faded } } },
    series: [
      {
        type: "line",
        name: data.label,
        z: 5,
        symbol: "circle",
        symbolSize: 6,
        data: spots(data.points),
        lineStyle: { color: COLOURS.fume, width: 1, opacity: 0.4 },
        itemStyle: { color: COLOURS.fume },
        markLine: {
          silent: true,
          symbol: "none",
          data: [
            { yAxis: data.limit.value, lineStyle: { color: COLOURS.threshold, type: "dashed" }, label: { position: "insideStartTop", color: COLOURS.threshold, formatter: data.limit.label } },
            upright(data.today.day, data.today.label, palette.surface.quiet, "dotted", "insideEndTop"), // along its line: what was done may stand days beside it
            ...data.done.map(({ day, label }) => upright(day, label, palette.tones.green.ink, "solid", "end")),
          ],
        },
      },
      { ...carried, name: data.line.label, data: spots(data.line.points), lineStyle: { color: COLOURS.fume, width: 2, type: "dashed" }, itemStyle: { color: COLOURS.fume } },
      ...data.edges.map((edge) => ({ ...carried, data: spots(edge), lineStyle: { color: COLOURS.fume, width: 1, type: "dotted" as const, opacity: 0.6 } })),
      {
        ...carried,
        name: data.expected.label,
        data: [],
        itemStyle: { color: COLOURS.alarm },
        markArea: { silent: true, itemStyle: { color: COLOURS.alarm }, data: [[{ xAxis: at(data.expected.from) }, { xAxis: at(data.expected.until) }]] },
      },
    ],
  };
}

const upright = (day: string, label: string, color: string, type: "dotted" | "solid", position: "end" | "insideEndTop") => ({
  xAxis: at(day),
  lineStyle: { color, type },
  label: { position, color, formatter: label, fontSize: 11 },
});

/** Room for every day, for the limit and for the line carried on. */
function highest({ points, limit, line }: Trend): number {
  const top = Math.max(limit.value, ...points.map(([, value]) => value), ...line.points.map(([, value]) => value)) * 1.15;
  const step = 10 ** Math.floor(Math.log10(top)) / 5;
  return Math.ceil(top / step) * step;
}

function tip(points: unknown, data: Trend): string {
  const moment = (points as { axisValue: number }[])[0]?.axisValue ?? 0;
  const day = new Date(moment).toISOString().slice(0, 10);
  const value = data.points.find(([one]) => one === day)?.[1];
  return [day, value === undefined ? "" : `${data.label} ${value} ${data.unit}`].filter(Boolean).join("\n");
}
