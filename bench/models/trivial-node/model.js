export default ({ x }) => {
  const rows = x.shape[0];
  const data = new Float32Array(rows * 3);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < 3; j++) data[i * 3 + j] = x.data[i * 4 + j] * 2;
  }
  return { y: { data, shape: [rows, 3] } };
};
