// A GRU in plain JavaScript, for rnncheck's exec: (docs/trace-file.md).
//
//   rnncheck compare 'exec:node gru.js {inputs} {outputs}' --cell gru --dtype float64
//
// One layer, one direction, float64; any other option is refused. Gates in torch's order: r, z, n.
const fs = require("fs");

function notOffered(reason) {
  console.error(reason);
  process.exit(64);
}

function read(path) {
  const file = fs.readFileSync(path);
  const size = Number(file.readBigUInt64LE(0));
  const { __metadata__: options, ...entries } = JSON.parse(file.subarray(8, 8 + size).toString());
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(entries)) {
    if (dtype !== "F64") notOffered(`${name} is ${dtype}, and it computes in float64 alone; --dtype float64`);
    const values = new Float64Array(new Uint8Array(file.subarray(8 + size + begin, 8 + size + end)).buffer);
    tensors[name] = { shape, values };
  }
  return { options, tensors };
}

function write(path, tensors) {
  const header = {}, parts = [];
  let offset = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    header[name] = { dtype: "F64", shape, data_offsets: [offset, offset + 8 * values.length] };
    offset += 8 * values.length;
    parts.push(Buffer.from(values.buffer));
  }
  const text = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  fs.writeFileSync(path, Buffer.concat([size, text, ...parts]));
}

const sigmoid = (a) => 1 / (1 + Math.exp(-a));

// One row of W v + b, of the matrix W (rows, v.length).
function line(weight, row, v, bias) {
  let sum = bias ? bias[row] : 0;
  for (let k = 0; k < v.length; k++) sum += weight[row * v.length + k] * v[k];
  return sum;
}

function step(w, x, h) {
  const H = h.length;
  const fromX = (gate, k) => line(w.weight_ih_l0, gate * H + k, x, w.bias_ih_l0);
  const fromH = (gate, k) => line(w.weight_hh_l0, gate * H + k, h, w.bias_hh_l0);
  return Float64Array.from(h, (h_k, k) => {
    const r = sigmoid(fromX(0, k) + fromH(0, k));
    const z = sigmoid(fromX(1, k) + fromH(1, k));
    const n = Math.tanh(fromX(2, k) + r * fromH(2, k));
    return (1 - z) * n + z * h_k;
  });
}

const [inputs, outputs] = process.argv.slice(2);
const { options, tensors } = read(inputs);
for (const [name, offered] of Object.entries({ cell: "gru", num_layers: "1", bidirectional: "false" })) {
  if (options[name] !== offered) notOffered(`${name} is ${options[name]}, and it has ${offered} alone`);
}
if (tensors.lengths) notOffered("it has no lengths");
const weights = Object.fromEntries(Object.entries(tensors).map(([name, { values }]) => [name, values]));
const { x, h0 } = tensors;
const [T, B, I] = x.shape, H = h0.shape[2];
const output = { shape: [T, B, H], values: new Float64Array(T * B * H) };
const last = { shape: h0.shape, values: new Float64Array(B * H) };
for (let b = 0; b < B; b++) {
  let h = h0.values.subarray(b * H, (b + 1) * H);
  for (let t = 0; t < T; t++) {
    h = step(weights, x.values.subarray((t * B + b) * I, (t * B + b + 1) * I), h);
    output.values.set(h, (t * B + b) * H);
  }
  last.values.set(h, b * H);
}
write(outputs, { output, h_n: last });
