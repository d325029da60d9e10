function advice(code) {
  return "done";
}
