// Draws the charts, in the page's colours, and keeps empty fields out of the address.
"use strict";

(() => {
  const views = [];

  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  const coloured = (value) => {
    if (typeof value === "string" && value.startsWith("$")) {
      return colour(value.slice(1)) || value;
    }
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") {
      // What the warehouse says is shown as it is.
      return Object.fromEntries(
        Object.entries(value).map(([key, each]) => [key, key === "values" ? each : coloured(each)]),
      );
    }
    return value;
  };

  const theme = () => ({
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    // Read out, hundreds of bars are noise: a table holds the same.
    mark: { aria: false },
    axis: {
      aria: false,
      labelColor: colour("muted"),
      titleColor: colour("muted"),
      gridColor: colour("line"),
      domainColor: colour("line"),
      tickColor: colour("line"),
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: "normal",
    },
  });

  const draw = async () => {
    for (const view of views.splice(0)) view.finalize();
    for (const place of document.querySelectorAll("[data-chart]")) {
      const spec = coloured(JSON.parse(document.getElementById(place.dataset.chart).textContent));
      try {
        const drawn = await vegaEmbed(place, spec, {
          // No code is made of expressions: the page's policy forbids it.
          ast: true,
          actions: false,
          defaultStyle: false,
          renderer: "svg",
          config: theme(),
          tooltip: { theme: "page", disableDefaultStyle: true },
        });
        views.push(drawn);
        place.classList.add("drawn");
      } catch (error) {
        console.error(error);
        place.textContent = "This chart could not be drawn; its numbers are in the table below.";
      }
    }
    document.documentElement.dataset.charts = "drawn";
  };

  const form = document.querySelector("form");
  form?.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (!String(value).trim()) event.formData.delete(name);
    }
  });
  if (document.querySelector("[data-chart]")) {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
  }
})();
