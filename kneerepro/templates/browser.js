// Browses volumes and stacks of images: slices of ground truth, reconstruction
// and error side by side, with linked cursors.
//
// Each element of class "browser" holds its data as JSON, which
// kneerepro/experiment/browser.py writes. Intensities and errors are integers
// from 0 to 255 throughout.
(() => {
  'use strict';

  // A volume's axes are slices, rows and columns. Each plane cuts one of them
  // and shows the two others. Slices run from the patient's left to the right;
  // mirrored, the right is on the left, as radiologists look at patients.
  const PLANES = [
    {cut: 0, down: 1, across: 2, mirrored: false},
    {cut: 2, down: 1, across: 0, mirrored: true},
    {cut: 1, down: 2, across: 0, mirrored: true},
  ];
  const ERROR = 2;  // the panel with the error
  const CLICK = 4;  // pixels: a pointer that moves less far has not dragged

  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      made.setAttribute(name, value);
    }
    made.append(...children);
    return made;
  }

  const labelled = (name, ...controls) => element(
    'label', {}, element('span', {class: 'name'}, name), ...controls);

  // A slider with its name and, behind it, a text about its value.
  function slider(name, min, max, onInput) {
    const input = element('input', {type: 'range', min, max});
    // Hidden from screen readers, which read aria-valuetext instead.
    const shown = element('span', {class: 'value', 'aria-hidden': true});
    input.addEventListener('input', () => onInput(Number(input.value)));
    return {
      label: labelled(name, input, shown),
      show(value, text, highest = max) {
        input.max = highest;
        input.value = value;
        input.setAttribute('aria-valuetext', text);
        shown.textContent = text;
      },
    };
  }

  // Unpack the PNG of a stack: one array of voxels for each channel.
  async function unpack({sheet, shape}, channels) {
    const image = new Image();
    image.src = sheet;
    await image.decode();
    const canvas = element('canvas', {width: image.width, height: image.height});
    const context = canvas.getContext('2d', {willReadFrequently: true});
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    const [slices, rows, columns] = shape;
    const tiles = image.width / columns;  // of a row
    const values = Array.from({length: channels},
                              () => new Uint8Array(slices * rows * columns));
    for (let slice = 0, voxel = 0; slice < slices; slice++) {
      const top = Math.floor(slice / tiles) * rows;
      const left = slice % tiles * columns;
      for (let row = 0; row < rows; row++) {
        let pixel = 4 * ((top + row) * image.width + left);
        for (let column = 0; column < columns; column++, voxel++, pixel += 4) {
          for (let k = 0; k < channels; k++) {
            values[k][voxel] = pixels[pixel + k];
          }
        }
      }
    }
    return values;
  }

  // The colour of each intensity, as a pixel: black at `low`, white at `high`.
  function lookUpTable(low, high, colours) {
    const table = new Uint32Array(256);
    for (let value = 0; value < 256; value++) {
      const level =
        clamp(Math.round(255 * (value - low) / (high - low)), 0, 255);
      const [r, g, b] = colours ? colours[level] : [level, level, level];
      // The bytes are r, g, b, a on all machines with a browser.
      table[value] = (255 << 24 | b << 16 | g << 8 | r) >>> 0;
    }
    return table;
  }

  class Browser {
    constructor(root) {
      this.root = root;
      this.data = JSON.parse(root.querySelector('script').textContent);
      this.unpacked = [];
      this.views = [];
      this.resetWindow();
      this.build();
    }

    // ---------------------------------------------------------- the elements

    build() {
      this.readout =
        element('output', {class: 'readout', 'aria-live': 'polite'});
      const point = this.data.planes.length > 1 ? 'voxel' : 'pixel';
      this.root.append(this.controls(), this.grid(), this.readout, element(
        'p', {class: 'help'},
        `Click to point at a ${point}; drag sideways for contrast, up or ` +
        'down for brightness; double-click to reset. With the keyboard: arrow ' +
        'keys and Page Up or Down go through the slices of the image that ' +
        'has the focus, Shift and arrow keys change contrast and brightness.'));
    }

    controls() {
      const {data} = this;
      const controls = element('div', {class: 'controls'});
      if (data.stacks.length > 1) controls.append(this.chooser());
      this.lowSlider = slider('black at', 0, 254, (value) => {
        this.setWindow(value, Math.max(this.high, value + 1));
      });
      this.highSlider = slider('white at', 1, 255, (value) => {
        this.setWindow(Math.min(this.low, value - 1), value);
      });
      this.errorSlider =
        slider('error up to', 1, 255, (value) => this.setError(value));
      controls.append(this.lowSlider.label, this.highSlider.label);
      if (data.panels.length > ERROR) controls.append(this.errorSlider.label);
      const reset = element('button', {type: 'button'}, 'reset');
      reset.addEventListener('click', () => {
        this.resetWindow();
        this.draw();
      });
      controls.append(reset);
      return controls;
    }

    grid() {
      const {data} = this;
      const grid = element('div', {class: 'views'});
      grid.style.setProperty('--panels', data.panels.length);
      grid.classList.toggle('single', data.planes.length === 1);
      for (const panel of data.panels) {
        grid.append(element('div', {class: 'panel'}, panel));
      }
      this.planes = data.planes.map((name, i) => {
        const plane = {...PLANES[i], name};
        for (let k = 0; k < data.panels.length; k++) {
          grid.append(this.view(plane, k));
        }
        plane.slider = slider(name, 0, 0, (value) => this.go(plane, value));
        grid.append(element('div', {class: 'slice'}, plane.slider.label));
        return plane;
      });
      this.bars = data.panels.map(() => element('div', {class: 'scale'}));
      grid.append(...this.bars);
      return grid;
    }

    chooser() {
      const select = element('select', {});
      this.data.stacks.forEach(({name}, i) => {
        select.append(element('option', {value: i}, name));
      });
      select.addEventListener('change', () => this.load(select.selectedIndex));
      return labelled(this.data.chooser, select);
    }

    view(plane, panel) {
      // One stop of the Tab key for each plane is enough.
      const canvas =
        element('canvas', {tabindex: panel ? -1 : 0, role: 'img'});
      const lines = ['column', 'row'].map(
        (name) => element('i', {class: `line ${name}`}));
      const box = element('div', {class: 'view'}, canvas, ...lines);
      box.style.gridColumn = panel + 1;
      this.views.push({plane, panel, canvas, lines, box});
      this.listen(canvas, plane, panel);
      return box;
    }

    listen(canvas, plane, panel) {
      let start = null;
      canvas.addEventListener('pointerdown', (event) => {
        if (event.button) return;
        canvas.setPointerCapture(event.pointerId);
        start = {x: event.clientX, y: event.clientY, dragged: false,
                 low: this.low, high: this.high, error: this.error};
      });
      canvas.addEventListener('pointermove', (event) => {
        if (!start) return;
        const x = event.clientX - start.x, y = event.clientY - start.y;
        start.dragged ||= Math.hypot(x, y) >= CLICK;
        if (start.dragged) this.adjust(panel, x, y, start);
      });
      canvas.addEventListener('pointerup', (event) => {
        if (start && !start.dragged) this.point(event, canvas, plane);
        start = null;
      });
      canvas.addEventListener('pointercancel', () => { start = null; });
      canvas.addEventListener('dblclick', () => {
        this.resetWindow();
        this.draw();
      });
      canvas.addEventListener('wheel', (event) => {
        // Otherwise the page scrolls, as it does over anything else.
        if (document.activeElement !== canvas) return;
        event.preventDefault();
        this.go(plane, this.at[plane.cut] + Math.sign(event.deltaY));
      }, {passive: false});
      canvas.addEventListener('keydown', (event) => {
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        if (this.press(event, plane, panel)) event.preventDefault();
      });
    }

    // ----------------------------------------------------- what readers change

    // Handle a key; tell whether it means anything.
    press({key, shiftKey}, plane, panel) {
      const moves = {ArrowRight: [1, 0], ArrowLeft: [-1, 0],
                     ArrowUp: [0, -1], ArrowDown: [0, 1]};
      const steps = {ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
                     PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity};
      if (shiftKey && key in moves) {
        const [x, y] = moves[key];
        this.adjust(panel, 10 * x, 10 * y,
                    {low: this.low, high: this.high, error: this.error});
      } else if (key in steps) {
        this.go(plane, this.at[plane.cut] + steps[key]);
      } else {
        return false;
      }
      return true;
    }

    go(plane, slice) {
      this.at[plane.cut] = clamp(slice, 0, this.shape[plane.cut] - 1);
      this.draw();
    }

    // Move the cursor to where the pointer is.
    point(event, canvas, {down, across, mirrored}) {
      const box = canvas.getBoundingClientRect();
      const place = (share, axis) => clamp(
        Math.floor(share * this.shape[axis]), 0, this.shape[axis] - 1);
      const column = place((event.clientX - box.left) / box.width, across);
      this.at[down] = place((event.clientY - box.top) / box.height, down);
      this.at[across] = mirrored ? this.shape[across] - 1 - column : column;
      this.draw();
    }

    // Change contrast and brightness by a distance in pixels from a start.
    adjust(panel, x, y, {low, high, error}) {
      const wider = 2 ** (x / 100);
      if (panel === ERROR) {
        this.setError(Math.round(error * wider));
        return;
      }
      const level = (low + high) / 2 + y / 2;
      const half = (high - low) / 2 * wider;
      this.setWindow(clamp(Math.round(level - half), 0, 254),
                     clamp(Math.round(level + half), 1, 255));
    }

    setWindow(low, high) {
      this.low = low;
      this.high = Math.max(high, low + 1);
      this.draw();
    }

    setError(value) {
      this.error = clamp(value, 1, 255);
      this.draw();
    }

    resetWindow() {
      this.low = 0;
      this.high = this.data.white;
      this.error = this.data.errorWhite;
    }

    async load(index) {
      this.wanted = index;
      const {data} = this, stack = data.stacks[index];
      this.unpacked[index] ??= unpack(stack, data.panels.length);
      const values = await this.unpacked[index];
      if (this.wanted !== index) return;  // another was chosen meanwhile
      Object.assign(this, {stack, values, shape: stack.shape});
      const middle = this.shape.map((n) => Math.floor(n / 2));
      this.at ??= [data.start ?? middle[0], middle[1], middle[2]];
      this.at = this.at.map((i, axis) => clamp(i, 0, this.shape[axis] - 1));
      this.resize();
      this.draw();
    }

    // ------------------------------------------------------------- drawing

    resize() {
      const {shape, stack: {extent}} = this;
      const longest = Math.max(...this.planes.flatMap(
        ({down, across}) => [extent[down], extent[across]]));
      for (const {plane: {down, across}, canvas, box} of this.views) {
        canvas.width = shape[across];
        canvas.height = shape[down];
        box.style.setProperty('--width', extent[across] / longest);
        box.style.aspectRatio = `${extent[across]} / ${extent[down]}`;
      }
    }

    draw() {
      if (!this.values) return;
      const {data, low, high, error} = this;
      const grey = lookUpTable(low, high);
      const colours = lookUpTable(0, error, data.errorColours);
      for (const view of this.views) {
        this.paint(view, view.panel === ERROR ? colours : grey);
      }
      for (const plane of this.planes) {
        const slice = this.at[plane.cut];
        plane.slider.show(slice, this.label(plane), this.shape[plane.cut] - 1);
      }
      const intensity = (value) => (value / 255).toFixed(2);
      const errorAt = (value) => (value / 255 * data.errorLimit).toPrecision(2);
      this.lowSlider.show(low, intensity(low));
      this.highSlider.show(high, intensity(high));
      if (data.panels.length > ERROR) {
        this.errorSlider.show(error, errorAt(error));
      }
      this.bars.forEach((bar, panel) => {
        const ends = panel === ERROR ? ['0', errorAt(error)]
          : [intensity(low), intensity(high)];
        bar.replaceChildren(ends[0], this.ramp(panel), ends[1]);
      });
      this.describe(intensity, errorAt);
    }

    paint({plane, panel, canvas, lines}, table) {
      const {shape, at} = this, {cut, down, across, mirrored} = plane;
      const values = this.values[panel];
      const strides = [shape[1] * shape[2], shape[2], 1];
      const rows = shape[down], columns = shape[across];
      const image = new ImageData(columns, rows);
      const pixels = new Uint32Array(image.data.buffer);
      for (let row = 0, pixel = 0; row < rows; row++) {
        const first = at[cut] * strides[cut] + row * strides[down];
        for (let column = 0; column < columns; column++, pixel++) {
          const i = mirrored ? columns - 1 - column : column;
          pixels[pixel] = table[values[first + i * strides[across]]];
        }
      }
      canvas.getContext('2d').putImageData(image, 0, 0);
      canvas.setAttribute('aria-label', `${this.data.panels[panel]}, ` +
        `${plane.name} ${this.label(plane)}`);
      const x = mirrored ? columns - 1 - at[across] : at[across];
      lines[0].style.left = `${100 * (x + 0.5) / columns}%`;
      lines[1].style.top = `${100 * (at[down] + 0.5) / rows}%`;
    }

    ramp(panel) {
      const colours = panel === ERROR
        ? this.data.errorColours.filter((_, i) => i % 15 === 0)
        : [[0, 0, 0], [255, 255, 255]];
      const stops = colours.map((colour) => `rgb(${colour.join()})`).join();
      const ramp = element('i', {class: 'ramp'});
      ramp.style.background = `linear-gradient(to right, ${stops})`;
      return ramp;
    }

    label({cut}) {
      const i = this.at[cut];
      return this.stack.labels[i] ?? `slice ${i + 1} of ${this.shape[cut]}`;
    }

    // Tell where the cursor is, and the values there.
    describe(intensity, errorAt) {
      const [slice, row, column] = this.at, [, rows, columns] = this.shape;
      const voxel = (slice * rows + row) * columns + column;
      const values = this.data.panels.map((name, panel) => {
        const value = this.values[panel][voxel];
        return `${name} ${panel === ERROR ? errorAt(value) : intensity(value)}`;
      });
      const place = this.planes.length > 1 ? `slice ${slice + 1}, ` : '';
      this.readout.textContent = `${place}row ${row + 1}, ` +
        `column ${column + 1}: ${values.join(', ')}`;
    }
  }

  for (const root of document.querySelectorAll('.browser')) {
    const browser = new Browser(root);
    browser.load(0).then(() => { root.hidden = false; });
  }
})();
