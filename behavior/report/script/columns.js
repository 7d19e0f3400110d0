// Reads what behavior/report/columns.py writes.

// The next column each time it is asked: n numbers in an array of that kind, `missing` where there is none.
export const columnReader = (bytes) => {
  let at = 0;
  return (n, Kind = Float64Array, missing = NaN) => {
    const out = new Kind(n);
    let value = 0;
    for (let i = 0; i < n; i += 1) {
      let byte = bytes[at++];
      if (byte > 0 && byte < 128) { // almost all of them
        byte -= 1;
        value += byte & 1 ? -((byte + 1) >> 1) : byte >> 1;
        out[i] = value;
        continue;
      }
      let code = byte & 127, scale = 128;
      while (byte > 127) { byte = bytes[at++]; code += (byte & 127) * scale; scale *= 128; }
      if (code === 0) { out[i] = missing; continue; }
      code -= 1;
      value += code % 2 ? -(code + 1) / 2 : code / 2;
      out[i] = value;
    }
    return out;
  };
};
