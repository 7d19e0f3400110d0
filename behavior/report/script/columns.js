// Reads what behavior/report/columns.py writes.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;.=>?@^_`{|}~";
const VALUES = new Uint8Array(128);
[...DIGITS].forEach((digit, value) => { VALUES[digit.charCodeAt(0)] = value; });

// The bytes of a text.
export const bytesOf = (text) => {
  const view = new DataView(new ArrayBuffer(4 * Math.ceil(text.length / 5)));
  for (let at = 0, to = 0; at < text.length; at += 5, to += 4) {
    let word = 0;
    for (let k = at; k < at + 5; k += 1) word = 85 * word + (k < text.length ? VALUES[text.charCodeAt(k)] : 84);
    view.setUint32(to, word);
  }
  return new Uint8Array(view.buffer, 0, Math.floor((4 * text.length) / 5));
};

// The next column each time it is asked: n numbers in an array of that kind, `missing` where there is none.
export const columnReader = (bytes) => {
  let at = 0;
  return (n, Kind = Float64Array, missing = NaN) => {
    const out = new Kind(n), goesOn = bytes[at++] === 1;
    let value = 0, before = 0, third = 0, known = 0; // the last number, those before it, how many there were
    for (let i = 0; i < n; i += 1) {
      let byte = bytes[at++], step;
      if (byte > 0 && byte < 128) { // almost all of them
        byte -= 1;
        step = byte & 1 ? -((byte + 1) >> 1) : byte >> 1;
      } else {
        let code = byte & 127, scale = 128;
        while (byte > 127) { byte = bytes[at++]; code += (byte & 127) * scale; scale *= 128; }
        if (code === 0) { out[i] = missing; continue; }
        code -= 1;
        step = code % 2 ? -(code + 1) / 2 : code / 2;
      }
      if (goesOn) {
        if (known > 2) step += Math.floor((value - third) / 2);
        known += 1;
        third = before; before = value;
      }
      value += step;
      out[i] = value;
    }
    return out;
  };
};
