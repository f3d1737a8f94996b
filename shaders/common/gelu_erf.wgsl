// GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415), x Phi(x) with the normal distribution function, and its derivative.
//
// Phi(x) = 1/2 + x p(x^2) / q(x^2): minimax fit on |x| <= 5.5, largest error 2.3e-8, 2e-7 in f32. geluParts.ts has the
// same coefficients.
fn normal_cdf(x: Pack) -> Pack {
  let z = clamp(x, Pack(-5.5), Pack(5.5));
  let t = z * z;
  var p = 2.22407177e-8 * t + 6.47825118e-6;
  p = p * t + 1.79895767e-4;
  p = p * t + 4.74442914e-3;
  p = p * t + 3.48836258e-2;
  p = p * t + 0.398942143;
  var q = 1.1920805e-6 * t + 7.74713335e-5;
  q = q * t + 1.94649887e-3;
  q = q * t + 2.92465128e-2;
  q = q * t + 0.254105031;
  q = q * t + 1.0;
  return 0.5 + z * p / q;
}

fn activation(x: Pack) -> Pack {
  return x * normal_cdf(x);
}

fn activation_slope(x: Pack) -> Pack {
  return normal_cdf(x) + x * exp(-0.5 * x * x) * 0.3989422804;
}
