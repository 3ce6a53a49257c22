// Run a model in onnxruntime-web: node web.cjs MODEL < rows.json > codes.json
const fs = require("fs");
const ort = require("onnxruntime-web");

ort.env.wasm.numThreads = 1;

async function main() {
  const session = await ort.InferenceSession.create(
    new Uint8Array(fs.readFileSync(process.argv[2])),
    { executionProviders: ["wasm"] },
  );
  const { rows, type } = JSON.parse(fs.readFileSync(0, "utf8"));
  const array = type === "float32" ? Float32Array : Float64Array;
  const cells = array.from(rows.flat(), (cell) => (cell === null ? NaN : cell));
  const shape = [rows.length, rows[0].length];
  const given = new ort.Tensor(type, cells, shape);
  const found = await session.run({ [session.inputNames[0]]: given });
  const codes = found[session.outputNames[0]];
  console.log(JSON.stringify({ shape: codes.dims, codes: Array.from(codes.data) }));
}

main();
