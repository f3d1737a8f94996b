fn bias4(column: u32) -> vec4f {
  return vec4f();
}
