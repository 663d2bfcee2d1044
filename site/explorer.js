// Bundled with Vega, Vega-Lite and vega-embed: draws each chart whose JSON stands in the page
for (const place of document.querySelectorAll(".vega-lite")) {
  const chart = JSON.parse(place.querySelector("script").textContent);
  delete chart.$schema; // it names altair's Vega-Lite, an older one
  const small = place.clientWidth < 480; // a phone: its cells and its legend take less room
  if (small) chart.width = chart.height = { step: 20 };
  const config = small ? { legend: { orient: "bottom" } } : {};
  vegaEmbed(place, chart, { mode: "vega-lite", actions: false, config });
}
