// Draws every figure.chart with Plotly in the colours of the page; again when light and dark change or htmx brings new ones.
"use strict";

(() => {
  const NAMED = ["text", "muted", "line", "accent", "accent-soft", "accent-mid", "good", "bad", "warn", "surface", "c1", "c2", "c3", "c4", "c5", "c6"];

  // Plotly's script speaks English; the dates of axes are all that it says by itself.
  const isChinese = document.documentElement.lang.startsWith("zh");
  if (isChinese) {
    const months = Array.from({ length: 12 }, (_, month) => `${month + 1}月`);
    const days = ["日", "一", "二", "三", "四", "五", "六"];
    Plotly.register({
      moduleType: "locale", name: "zh-CN", dictionary: {},
      format: { days: days.map((day) => `星期${day}`), shortDays: days.map((day) => `周${day}`), months, shortMonths: months, date: "%Y-%m-%d" },
    });
  }

  const palette = () => {
    const probe = document.body.appendChild(document.createElement("span"));
    const colours = {};
    for (const name of NAMED) {
      probe.className = `colour-${name}`;
      colours[name] = getComputedStyle(probe).color;
    }
    probe.remove();
    return colours;
  };

  // Names of colours stand where Plotly expects colours: under keys that end in "color" or "colors".
  const coloured = (value, colours, key = "") => {
    if (Array.isArray(value)) return value.map((item) => coloured(item, colours, key));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, coloured(item, colours, name)]));
    }
    return /colou?rs?$/.test(key) && typeof value === "string" && value in colours ? colours[value] : value;
  };

  const axis = (colours, own) => ({
    gridcolor: colours.line, linecolor: colours.line, zerolinecolor: colours.line, automargin: true, fixedrange: true, ...own,
  });

  const draw = (element) => {
    const colours = palette();
    const { data, layout } = coloured(JSON.parse(element.dataset.figure), colours);
    const narrow = element.clientWidth < 500;
    const whole = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: narrow ? 280 : 340,
      margin: { l: 48, r: 12, t: 12, b: 40 }, hovermode: "x unified", dragmode: false,
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colours.text },
      legend: { orientation: "h", y: narrow ? -0.28 : -0.18 }, colorway: [colours.c1, colours.c2, colours.c3, colours.c4, colours.c5, colours.c6],
      hoverlabel: { bgcolor: colours.surface, bordercolor: colours.line, font: { color: colours.text } },
      ...layout,
    };
    for (const name of Object.keys(whole).filter((key) => /^[xy]axis\d*$/.test(key))) whole[name] = axis(colours, whole[name]);
    whole.xaxis ??= axis(colours, {});
    if (narrow) whole.xaxis = { nticks: 4, tickangle: 0, ...whole.xaxis };
    whole.yaxis ??= axis(colours, {});
    Plotly.react(element, data, whole, { displayModeBar: false, responsive: true, locale: isChinese ? "zh-CN" : "en-US" });
  };

  const drawAll = () => document.querySelectorAll("figure.chart[data-figure]").forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("htmx:afterSwap", drawAll);
  drawAll();
})();
