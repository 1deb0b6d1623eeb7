;; The inner loops of an update, over arrays of 32-bit floats in one memory. Arithmetic is in 64 bits, operation by operation
;; as in AdamW.ts and Gradient.ts, so that either way gives the same bytes. `count` is a multiple of 4 above 0; positions are in
;; bytes.
;; `npm run build:kernels` makes generated/kernelBytes.ts of this.
(module
  (import "kernels" "memory" (memory 0))

  (func (export "adamw")
    (param $weight i32) (param $first i32) (param $second i32) (param $gradient i32) (param $count i32)
    (param $scale_ f64) (param $kept1_ f64) (param $new1_ f64) (param $kept2_ f64) (param $new2_ f64)
    (param $keptWeight_ f64) (param $rate_ f64) (param $root_ f64) (param $epsilon_ f64)
    (local $scale v128) (local $kept1 v128) (local $new1 v128) (local $kept2 v128) (local $new2 v128)
    (local $keptWeight v128) (local $rate v128) (local $root v128) (local $epsilon v128)
    (local $slope v128) (local $m v128) (local $v v128)
    (local.set $scale (f64x2.splat (local.get $scale_)))
    (local.set $kept1 (f64x2.splat (local.get $kept1_)))
    (local.set $new1 (f64x2.splat (local.get $new1_)))
    (local.set $kept2 (f64x2.splat (local.get $kept2_)))
    (local.set $new2 (f64x2.splat (local.get $new2_)))
    (local.set $keptWeight (f64x2.splat (local.get $keptWeight_)))
    (local.set $rate (f64x2.splat (local.get $rate_)))
    (local.set $root (f64x2.splat (local.get $root_)))
    (local.set $epsilon (f64x2.splat (local.get $epsilon_)))
    (loop $two
      (local.set $slope (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $gradient)))
        (local.get $scale)))
      (local.set $m (f64x2.add
        (f64x2.mul (local.get $kept1) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $first))))
        (f64x2.mul (local.get $new1) (local.get $slope))))
      (local.set $v (f64x2.add
        (f64x2.mul (local.get $kept2) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $second))))
        (f64x2.mul (f64x2.mul (local.get $new2) (local.get $slope)) (local.get $slope))))
      (v128.store64_lane 0 (local.get $first) (f32x4.demote_f64x2_zero (local.get $m)))
      (v128.store64_lane 0 (local.get $second) (f32x4.demote_f64x2_zero (local.get $v)))
      (v128.store64_lane 0 (local.get $weight) (f32x4.demote_f64x2_zero (f64x2.sub
        (f64x2.mul (local.get $keptWeight) (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $weight))))
        (f64x2.div
          (f64x2.mul (local.get $rate) (local.get $m))
          (f64x2.add (f64x2.mul (f64x2.sqrt (local.get $v)) (local.get $root)) (local.get $epsilon))))))
      (local.set $weight (i32.add (local.get $weight) (i32.const 8)))
      (local.set $first (i32.add (local.get $first) (i32.const 8)))
      (local.set $second (i32.add (local.get $second) (i32.const 8)))
      (local.set $gradient (i32.add (local.get $gradient) (i32.const 8)))
      (br_if $two (local.tee $count (i32.sub (local.get $count) (i32.const 2))))))

  (func (export "decay") (param $weight i32) (param $count i32) (param $kept_ f64)
    (local $kept v128)
    (local.set $kept (f64x2.splat (local.get $kept_)))
    (loop $two
      (v128.store64_lane 0 (local.get $weight) (f32x4.demote_f64x2_zero (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $weight)))
        (local.get $kept))))
      (local.set $weight (i32.add (local.get $weight) (i32.const 8)))
      (br_if $two (local.tee $count (i32.sub (local.get $count) (i32.const 2))))))

  (func (export "squares") (param $values i32) (param $count i32) (result f64)
    (local $ab v128) (local $cd v128) (local $x v128)
    (loop $four
      (local.set $x (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $values))))
      (local.set $ab (f64x2.add (local.get $ab) (f64x2.mul (local.get $x) (local.get $x))))
      (local.set $x (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $values))))
      (local.set $cd (f64x2.add (local.get $cd) (f64x2.mul (local.get $x) (local.get $x))))
      (local.set $values (i32.add (local.get $values) (i32.const 16)))
      (br_if $four (local.tee $count (i32.sub (local.get $count) (i32.const 4)))))
    (f64.add
      (f64.add
        (f64.add (f64x2.extract_lane 0 (local.get $ab)) (f64x2.extract_lane 1 (local.get $ab)))
        (f64x2.extract_lane 0 (local.get $cd)))
      (f64x2.extract_lane 1 (local.get $cd)))))
