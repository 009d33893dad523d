// Draws curves with uPlot: values under the cursor, zoom by dragging.
//
// Each element of class "chart" holds its data as JSON, which
// kneerepro/experiment/curves.py writes.
(() => {
  'use strict';

  const HEIGHT = 300, AXIS = 64;  // pixels
  const FEW = 12;  // up to this number, values get markers
  // Distances between the ticks of an axis of iterations: whole numbers.
  const STEPS = Array.from({length: 9}, (_, i) => 10 ** i)
    .flatMap((power) => [power, 2 * power, 5 * power]);

  // The points of a curve: iterations or epochs, and values.
  function points({values, perEpoch}, byEpoch) {
    const bytes = Uint8Array.from(atob(values), (c) => c.charCodeAt(0));
    const table = [[], []];
    new Float32Array(bytes.buffer).forEach((value, iteration) => {
      if (Number.isFinite(value)) {
        table[0].push(byEpoch ? iteration / perEpoch : iteration);
        table[1].push(value);
      }
    });
    return table;
  }

  const number = (value) => value == null ? '–' : String(+value.toPrecision(4));
  const grouped = (value) => value == null ? '–' : value.toLocaleString('en');

  class Chart {
    constructor(host) {
      this.host = host;
      this.data = JSON.parse(host.querySelector('script').textContent);
      host.hidden = false;  // from now on, it has a width
      this.holder = host.querySelector('.plot');
      this.byEpoch = host.querySelector('[name=epochs]');
      this.logarithmic = host.querySelector('[name=logarithmic]');
      this.outliers = host.querySelector('[name=outliers]');
      const values =
        this.data.curves.flatMap((curve) => points(curve, false)[1]);
      if (values.some((value) => value <= 0)) {
        this.logarithmic.parentElement.remove();
      }
      const [low, high] = this.data.limits ?? [-Infinity, Infinity];
      if (values.every((value) => low <= value && value <= high)) {
        this.outliers.parentElement.remove();
      }
      this.byEpoch.addEventListener('change', () => this.draw());
      this.logarithmic.addEventListener('change', () => this.draw());
      this.outliers.addEventListener('change', () => this.draw());
      host.querySelector('button').addEventListener('click', () => this.zoom());
      this.holder.addEventListener('keydown', (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        if (this.press(event.key)) event.preventDefault();
      });
      window.addEventListener('resize', () => this.plot.setSize(this.size()));
      this.draw();
    }

    size() {
      return {width: this.holder.clientWidth, height: HEIGHT};
    }

    // The vertical axis: all values that are visible, or those within limits.
    scale() {
      if (this.logarithmic.checked) return {distr: 3};
      const {limits} = this.data;
      if (!limits || this.outliers.checked) return {};
      const within = (plot, min, max) => {
        const low = Math.max(min, limits[0]), high = Math.min(max, limits[1]);
        const ends = low < high ? [low, high] : [min, max];
        return uPlot.rangeNum(...ends, 0.1, true);
      };
      return {range: within};
    }

    draw() {
      this.plot?.destroy();
      const byEpoch = this.byEpoch.checked;
      const tables = this.data.curves.map((curve) => points(curve, byEpoch));
      this.plot = new uPlot({
        ...this.size(),
        scales: {
          x: {time: false},
          y: this.scale(),
        },
        axes: [
          {label: byEpoch ? 'epoch' : 'iteration',
           ...(byEpoch ? {} : {incrs: STEPS}),
           values: (plot, ticks) => ticks.map(grouped)},
          {label: this.data.label, size: AXIS,
           values: (plot, ticks) => ticks.map((x) => x == null ? '' : number(x))},
        ],
        series: [
          {label: byEpoch ? 'epoch' : 'iteration',
           value: (plot, value) => grouped(value)},
          ...this.data.curves.map(({name, colour, dashed}, i) => ({
            label: name,
            stroke: colour,
            width: tables[i][0].length > HEIGHT ? 1 : 2,
            dash: dashed ? [6, 4] : undefined,
            points: {show: !dashed && tables[i][0].length <= FEW},
            value: (plot, value) => number(value),
          })),
        ],
        // Charts over the same axis share cursor and zoom.
        cursor: {sync: {key: byEpoch ? 'epochs' : 'iterations',
                        setSeries: false}},
      }, uPlot.join(tables), this.holder);
      this.makeLegendUsable();
    }

    // Let the keyboard hide and show curves, as a click does.
    makeLegendUsable() {
      const names = this.plot.root.querySelectorAll('.u-legend th');
      [...names].slice(1).forEach((name, i) => {
        const shown = () => this.plot.series[i + 1].show;
        const tell = () => name.setAttribute('aria-pressed', shown());
        name.tabIndex = 0;
        name.setAttribute('role', 'button');
        name.addEventListener('click', tell);
        name.addEventListener('keydown', (event) => {
          if (event.key !== 'Enter' && event.key !== ' ') return;
          event.preventDefault();
          event.stopPropagation();
          name.click();
        });
        tell();
      });
    }

    // Handle a key; tell whether it means anything.
    press(key) {
      const steps = {ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10};
      const factors = {'+': 0.5, '-': 2};
      if (key in steps) {
        this.move(steps[key]);
      } else if (key in factors) {
        this.zoom(factors[key]);
      } else if (key === '0' || key === 'Escape') {
        this.zoom();
      } else {
        return false;
      }
      return true;
    }

    // Move the cursor by some hundredths of what is shown.
    move(hundredths) {
      const {plot} = this, {min, max} = plot.scales.x;
      const first = plot.valToIdx(min), last = plot.valToIdx(max);
      const step = Math.max(1, Math.round((last - first) / 100));
      const now = plot.cursor.idx ?? first;
      this.point(Math.min(Math.max(now + hundredths * step, first), last));
    }

    point(index) {
      const {plot} = this;
      plot.setCursor({left: plot.valToPos(plot.data[0][index], 'x'),
                      top: plot.over.clientHeight / 2});
    }

    // Zoom around the cursor; by default, show everything.
    zoom(factor = 1e9) {
      const {plot} = this, xs = plot.data[0], {min, max} = plot.scales.x;
      const {idx} = plot.cursor, centre = xs[idx] ?? (min + max) / 2;
      plot.setScale('x', {
        min: Math.max(xs[0], centre - (centre - min) * factor),
        max: Math.min(xs[xs.length - 1], centre + (max - centre) * factor),
      });
      // uPlot has the new scale only after this, and keeps the cursor where
      // it was on the screen.
      if (idx != null) queueMicrotask(() => this.point(idx));
    }
  }

  for (const host of document.querySelectorAll('.chart')) new Chart(host);
  // Their static picture is then for paper alone.
  document.documentElement.classList.add('scripted');
})();
