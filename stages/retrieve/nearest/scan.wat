;; The inner loops of a search: `round`, `scan` and `product`. Positions are in bytes, vectors have a multiple of 4 dimensions.
;; `npm run build:kernels` makes generated/scanBytes.ts of this.
(module
  (import "scan" "memory" (memory 0))

  ;; Rounds vectors less a centre to 8 bits, each vector by itself: its greatest difference becomes 127, and 128 stands for 0. `steps`
  ;; gets how many steps of a vector's rounding are 1. `greatest` has two floats, which rise to what these vectors have: how many steps
  ;; the rounding takes from a vector, and the square of a difference's length.
  (func (export "round")
    (param $vector i32) (param $end i32) (param $dimensions i32) (param $centre i32) (param $codes i32) (param $steps i32)
    (param $greatest i32)
    (local $stop i32) (local $at i32) (local $c i32)
    (local $most v128) (local $square v128) (local $rest v128) (local $y v128) (local $n v128) (local $step v128) (local $f f32)
    (loop $vectors
      (local.set $stop (i32.add (local.get $vector) (i32.shl (local.get $dimensions) (i32.const 2))))
      (local.set $most (f32x4.splat (f32.const 0x1p-100)))
      (local.set $square (v128.const f32x4 0 0 0 0))
      (local.set $rest (v128.const f32x4 0 0 0 0))
      (local.set $at (local.get $vector))
      (local.set $c (local.get $centre))
      (loop $four
        (local.set $y (f32x4.sub (v128.load (local.get $at)) (v128.load (local.get $c))))
        (local.set $most (f32x4.pmax (local.get $most) (f32x4.abs (local.get $y))))
        (local.set $square (f32x4.add (local.get $square) (f32x4.mul (local.get $y) (local.get $y))))
        (local.set $c (i32.add (local.get $c) (i32.const 16)))
        (br_if $four (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $stop))))
      (local.set $f (f32.div (f32.const 127) (call $greatestOf (local.get $most))))
      (f32.store (local.get $steps) (local.get $f))
      (local.set $step (f32x4.splat (local.get $f)))
      (local.set $at (local.get $vector))
      (local.set $c (local.get $centre))
      (loop $four
        (local.set $y (f32x4.mul
          (f32x4.sub (v128.load (local.get $at)) (v128.load (local.get $c)))
          (local.get $step)))
        (local.set $n (f32x4.nearest (local.get $y)))
        (local.set $y (f32x4.sub (local.get $y) (local.get $n)))
        (local.set $rest (f32x4.add (local.get $rest) (f32x4.mul (local.get $y) (local.get $y))))
        (local.set $n (i32x4.add (i32x4.trunc_sat_f32x4_s (local.get $n)) (v128.const i32x4 128 128 128 128)))
        (local.set $n (i16x8.narrow_i32x4_s (local.get $n) (local.get $n)))
        (v128.store32_lane 0 (local.get $codes) (i8x16.narrow_i16x8_u (local.get $n) (local.get $n)))
        (local.set $codes (i32.add (local.get $codes) (i32.const 4)))
        (local.set $c (i32.add (local.get $c) (i32.const 16)))
        (br_if $four (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $stop))))
      (f32.store (local.get $greatest)
        (f32.max (f32.load (local.get $greatest)) (f32.sqrt (call $sumOf (local.get $rest)))))
      (f32.store offset=4 (local.get $greatest)
        (f32.max (f32.load offset=4 (local.get $greatest)) (call $sumOf (local.get $square))))
      (local.set $steps (i32.add (local.get $steps) (i32.const 4)))
      (br_if $vectors (i32.lt_u (local.tee $vector (local.get $stop)) (local.get $end)))))

  (func $greatestOf (param $of v128) (result f32)
    (f32.max
      (f32.max (f32x4.extract_lane 0 (local.get $of)) (f32x4.extract_lane 1 (local.get $of)))
      (f32.max (f32x4.extract_lane 2 (local.get $of)) (f32x4.extract_lane 3 (local.get $of)))))

  (func $sumOf (param $of v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $of)) (f32x4.extract_lane 1 (local.get $of)))
      (f32.add (f32x4.extract_lane 2 (local.get $of)) (f32x4.extract_lane 3 (local.get $of)))))

  ;; Goes through bytes of passages (rows) and queries (columns, a multiple of 16): where one is 1, the passage's vector is multiplied with
  ;; the query's in 32 bits; where that is not below the query's `low`, as it ranks; and where that is not below the query's floor, the
  ;; passage goes to the query's set: `capacity` places of scores and as many of passages, of which `sizes` are taken. From `at` on, in the
  ;; passage's `column`, until `end`, or until a set is full: where it stopped. `row` and `vector` are the passage's.
  (func (export "scan")
    (param $at i32) (param $end i32) (param $column i32) (param $columns i32) (param $vector i32) (param $vectorBytes i32)
    (param $row i32) (param $queries i32) (param $lows i32) (param $floors i32) (param $sizes i32) (param $scores i32)
    (param $rows i32) (param $capacity i32)
    (result i32)
    (local $mask i32) (local $query i32) (local $size i32) (local $place i32) (local $full i32) (local $score f32)
    (local $other i32) (local $stop i32)
    (loop $sixteen
      (local.set $mask (i8x16.bitmask (i8x16.neg (v128.load (local.get $at)))))
      (if (local.get $mask) (then
        (loop $next
          (local.set $query (i32.add (local.get $column) (i32.ctz (local.get $mask))))
          (local.set $mask (i32.and (local.get $mask) (i32.sub (local.get $mask) (i32.const 1))))
          (local.set $other (i32.add (local.get $queries) (i32.mul (local.get $query) (local.get $vectorBytes))))
          (local.set $stop (i32.add (local.get $vector) (local.get $vectorBytes)))
          (local.set $query (i32.shl (local.get $query) (i32.const 2)))
          (if (f32.ge
              (call $roughly (local.get $vector) (local.get $other) (local.get $stop))
              (f32.load (i32.add (local.get $lows) (local.get $query)))) (then
            (local.set $score (call $product (local.get $vector) (local.get $other) (local.get $stop)))
            (if (f32.ge (local.get $score) (f32.load (i32.add (local.get $floors) (local.get $query)))) (then
              (local.set $size (i32.load (i32.add (local.get $sizes) (local.get $query))))
              (local.set $place (i32.add
                (i32.mul (local.get $query) (local.get $capacity))
                (i32.shl (local.get $size) (i32.const 2))))
              (f32.store (i32.add (local.get $scores) (local.get $place)) (local.get $score))
              (i32.store (i32.add (local.get $rows) (local.get $place)) (local.get $row))
              (local.set $size (i32.add (local.get $size) (i32.const 1)))
              (i32.store (i32.add (local.get $sizes) (local.get $query)) (local.get $size))
              (local.set $full (i32.or (local.get $full) (i32.eq (local.get $size) (local.get $capacity))))))))
          (br_if $next (local.get $mask)))))
      (local.set $at (i32.add (local.get $at) (i32.const 16)))
      (local.set $column (i32.add (local.get $column) (i32.const 16)))
      (if (i32.eq (local.get $column) (local.get $columns)) (then
        (local.set $column (i32.const 0))
        (local.set $row (i32.add (local.get $row) (i32.const 1)))
        (local.set $vector (i32.add (local.get $vector) (local.get $vectorBytes)))))
      (if (local.get $full) (then (return (local.get $at))))
      (br_if $sixteen (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $at))

  ;; A product in 32 bits: sixteen sums, by the dimension's remainder. `end` is where that of `a` ends.
  (func $roughly (param $a i32) (param $b i32) (param $end i32) (result f32)
    (local $p v128) (local $q v128) (local $r v128) (local $s v128) (local $last i32)
    (local.set $last (i32.sub (local.get $end) (i32.const 48)))
    (loop $sixteen
      (if (i32.lt_s (local.get $a) (local.get $last)) (then
        (local.set $p (f32x4.add (local.get $p) (f32x4.mul (v128.load (local.get $a)) (v128.load (local.get $b)))))
        (local.set $q (f32x4.add (local.get $q) (f32x4.mul
          (v128.load offset=16 (local.get $a)) (v128.load offset=16 (local.get $b)))))
        (local.set $r (f32x4.add (local.get $r) (f32x4.mul
          (v128.load offset=32 (local.get $a)) (v128.load offset=32 (local.get $b)))))
        (local.set $s (f32x4.add (local.get $s) (f32x4.mul
          (v128.load offset=48 (local.get $a)) (v128.load offset=48 (local.get $b)))))
        (local.set $a (i32.add (local.get $a) (i32.const 64)))
        (local.set $b (i32.add (local.get $b) (i32.const 64)))
        (br $sixteen))))
    (block $done
      (loop $four
        (br_if $done (i32.ge_u (local.get $a) (local.get $end)))
        (local.set $p (f32x4.add (local.get $p) (f32x4.mul (v128.load (local.get $a)) (v128.load (local.get $b)))))
        (local.set $a (i32.add (local.get $a) (i32.const 16)))
        (local.set $b (i32.add (local.get $b) (i32.const 16)))
        (br $four)))
    (call $sumOf (f32x4.add (f32x4.add (local.get $p) (local.get $q)) (f32x4.add (local.get $r) (local.get $s)))))

  ;; The product of two vectors of 32-bit floats: in 64 bits, four sums by the dimension's remainder by 4, (0 + 2) + (1 + 3) of them,
  ;; rounded once. `end` is where that of `a` ends.
  (func $product (param $a i32) (param $b i32) (param $end i32) (result f32)
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
