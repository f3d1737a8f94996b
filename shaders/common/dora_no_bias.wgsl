fn bias_at(column: u32) -> Pack {
  return Pack();
}
