;; The inner loops of a search: `scan` and `product`.
;;
;; `scan` takes out of a block of products those that are not below their query's floor. A row of products is a passage's, a column a
;; query's; there are a multiple of 4 columns. A query's set is `capacity` places of scores and as many of passages; `sizes` are how
;; many are taken. Positions are in bytes.
;; `npm run build:kernels` makes generated/scanBytes.ts of this.
(module
  (import "scan" "memory" (memory 0))

  ;; From `at` on until `end`, or until a set is full: where it stopped. `floor` is the floor of the query at `at`, `row` its passage.
  (func (export "scan")
    (param $at i32) (param $end i32) (param $floor i32) (param $floors i32) (param $floorsEnd i32) (param $row i32)
    (param $sizes i32) (param $scores i32) (param $rows i32) (param $capacity i32)
    (result i32)
    (local $mask i32) (local $lane i32) (local $query i32) (local $size i32) (local $place i32) (local $full i32)
    (loop $four
      (local.set $mask (i32x4.bitmask (f32x4.ge (v128.load (local.get $at)) (v128.load (local.get $floor)))))
      (if (local.get $mask) (then
        (loop $next
          (local.set $lane (i32.shl (i32.ctz (local.get $mask)) (i32.const 2)))
          (local.set $mask (i32.and (local.get $mask) (i32.sub (local.get $mask) (i32.const 1))))
          (local.set $query (i32.add (i32.sub (local.get $floor) (local.get $floors)) (local.get $lane)))
          (local.set $size (i32.load (i32.add (local.get $sizes) (local.get $query))))
          (local.set $place (i32.add
            (i32.mul (local.get $query) (local.get $capacity))
            (i32.shl (local.get $size) (i32.const 2))))
          (f32.store
            (i32.add (local.get $scores) (local.get $place))
            (f32.load (i32.add (local.get $at) (local.get $lane))))
          (i32.store (i32.add (local.get $rows) (local.get $place)) (local.get $row))
          (local.set $size (i32.add (local.get $size) (i32.const 1)))
          (i32.store (i32.add (local.get $sizes) (local.get $query)) (local.get $size))
          (local.set $full (i32.or (local.get $full) (i32.eq (local.get $size) (local.get $capacity))))
          (br_if $next (local.get $mask)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $floor (i32.add (local.get $floor) (i32.const 16)))
      (if (i32.eq (local.get $floor) (local.get $floorsEnd)) (then
        (local.set $floor (local.get $floors))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))))
      (if (local.get $full) (then (return (local.get $at))))
      (br_if $four (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $at))

  ;; The product of two vectors of 32-bit floats: in 64 bits, four sums by the dimension's remainder by 4, (0 + 2) + (1 + 3) of them,
  ;; rounded once. There are a multiple of 4 dimensions, `end` is where those of `a` do.
  (func (export "product") (param $a i32) (param $b i32) (param $end i32) (result f32)
    (local $even v128) (local $odd v128)
    (loop $four
      (local.set $even (f64x2.add (local.get $even) (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $a)))
        (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $b))))))
      (local.set $odd (f64x2.add (local.get $odd) (f64x2.mul
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $a)))
        (f64x2.promote_low_f32x4 (v128.load64_zero offset=8 (local.get $b))))))
      (local.set $a (i32.add (local.get $a) (i32.const 16)))
      (local.set $b (i32.add (local.get $b) (i32.const 16)))
      (br_if $four (i32.lt_u (local.get $a) (local.get $end))))
    (local.set $even (f64x2.add (local.get $even) (local.get $odd)))
    (f32.demote_f64 (f64.add (f64x2.extract_lane 0 (local.get $even)) (f64x2.extract_lane 1 (local.get $even))))))
