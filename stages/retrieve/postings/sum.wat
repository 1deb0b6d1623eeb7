;; The inner loops of a search: what a term's postings in a window of documents add to the documents' sums.
;;
;; A posting has 16 bits: the document's place in the window, and in the lowest 4 how often the term stands in it; 15 is for what does
;; not fit, which is not added here. Sums are of 64 bits. Candidates are places of 16 bits. Positions are in bytes.
;; There are no branches in the loops but their own: whether a sum passes the cut cannot be foretold, and a wrong guess costs more than
;; all the rest.
;; `npm run build:kernels` makes generated/sumBytes.ts of this.
(module
  (import "sum" "memory" (memory 0))

  ;; Adds by a table of contributions, `1 << shift` of each frequency, by class of length. What an addition takes to the cut or above
  ;; becomes a candidate. Where candidates end.
  (func (export "add")
    (param $at i32) (param $end i32) (param $classes i32) (param $table i32) (param $shift i32) (param $cut f64) (param $candidate i32)
    (result i32)
    (local $posting i32) (local $place i32) (local $sum i32) (local $before f64) (local $after f64)
    (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $candidate))))
    (loop $next
      (local.set $posting (i32.load16_u (local.get $at)))
      (local.set $place (i32.shr_u (local.get $posting) (i32.const 4)))
      (local.set $sum (i32.shl (local.get $place) (i32.const 3)))
      (local.set $before (f64.load (local.get $sum)))
      (local.set $after (f64.add (local.get $before) (f64.load (i32.add (local.get $table) (i32.shl
        (i32.or
          (i32.shl (i32.and (local.get $posting) (i32.const 15)) (local.get $shift))
          (i32.load8_u (i32.add (local.get $classes) (local.get $place))))
        (i32.const 3))))))
      (f64.store (local.get $sum) (local.get $after))
      (i32.store16 (local.get $candidate) (local.get $place))
      (local.set $candidate (i32.add (local.get $candidate) (i32.shl
        (i32.and (f64.ge (local.get $after) (local.get $cut)) (f64.lt (local.get $before) (local.get $cut)))
        (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $candidate))

  ;; The same, contributions computed: `inverses` are 1 / norm by class, classes are of 16 bits.
  (func (export "addComputed")
    (param $at i32) (param $end i32) (param $classes i32) (param $inverses i32) (param $weight f32) (param $cut f64)
    (param $candidate i32)
    (result i32)
    (local $posting i32) (local $place i32) (local $sum i32) (local $before f64) (local $after f64)
    (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $candidate))))
    (loop $next
      (local.set $posting (i32.load16_u (local.get $at)))
      (local.set $place (i32.shr_u (local.get $posting) (i32.const 4)))
      (local.set $sum (i32.shl (local.get $place) (i32.const 3)))
      (local.set $before (f64.load (local.get $sum)))
      (local.set $after (f64.add (local.get $before) (call $contribution
        (i32.and (local.get $posting) (i32.const 15))
        (i32.add (local.get $classes) (i32.shl (local.get $place) (i32.const 1)))
        (local.get $inverses)
        (local.get $weight))))
      (f64.store (local.get $sum) (local.get $after))
      (i32.store16 (local.get $candidate) (local.get $place))
      (local.set $candidate (i32.add (local.get $candidate) (i32.shl
        (i32.and (f64.ge (local.get $after) (local.get $cut)) (f64.lt (local.get $before) (local.get $cut)))
        (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
    (local.get $candidate))

  ;; weight - weight / (1 + frequency / norm), 0 for frequency 15.
  (func $contribution (param $frequency i32) (param $class i32) (param $inverses i32) (param $weight f32) (result f64)
    (select
      (f64.const 0)
      (f64.promote_f32 (f32.sub (local.get $weight) (f32.div (local.get $weight) (f32.add (f32.const 1) (f32.mul
        (f32.convert_i32_u (local.get $frequency))
        (f32.load (i32.add (local.get $inverses) (i32.shl (i32.load16_u (local.get $class)) (i32.const 2)))))))))
      (i32.eq (local.get $frequency) (i32.const 15))))

  ;; The last posting, of at least one, that is of the place or of one before; the first where there is none.
  (func $find (param $at i32) (param $count i32) (param $place i32) (result i32)
    (local $half i32) (local $middle i32)
    (local.set $place (i32.or (i32.shl (local.get $place) (i32.const 4)) (i32.const 15)))
    (block $found
      (loop $halve
        (br_if $found (i32.le_u (local.get $count) (i32.const 1)))
        (local.set $half (i32.shr_u (local.get $count) (i32.const 1)))
        (local.set $middle (i32.add (local.get $at) (i32.shl (local.get $half) (i32.const 1))))
        (local.set $at (select (local.get $middle) (local.get $at)
          (i32.le_u (i32.load16_u (local.get $middle)) (local.get $place))))
        (local.set $count (i32.sub (local.get $count) (local.get $half)))
        (br $halve)))
    (local.get $at))

  ;; Adds to the candidates' sums alone.
  (func (export "probe")
    (param $at i32) (param $end i32) (param $classes i32) (param $table i32) (param $shift i32)
    (param $candidate i32) (param $candidates i32)
    (local $posting i32) (local $place i32) (local $count i32) (local $sum i32)
    (local.set $count (i32.shr_u (i32.sub (local.get $end) (local.get $at)) (i32.const 1)))
    (if (i32.or (i32.eqz (local.get $count)) (i32.ge_u (local.get $candidate) (local.get $candidates))) (then (return)))
    (loop $next
      (local.set $place (i32.load16_u (local.get $candidate)))
      (local.set $posting (i32.load16_u (call $find (local.get $at) (local.get $count) (local.get $place))))
      (if (i32.eq (i32.shr_u (local.get $posting) (i32.const 4)) (local.get $place)) (then
        (local.set $sum (i32.shl (local.get $place) (i32.const 3)))
        (f64.store (local.get $sum) (f64.add (f64.load (local.get $sum)) (f64.load (i32.add (local.get $table) (i32.shl
          (i32.or
            (i32.shl (i32.and (local.get $posting) (i32.const 15)) (local.get $shift))
            (i32.load8_u (i32.add (local.get $classes) (local.get $place))))
          (i32.const 3))))))))
      (local.set $candidate (i32.add (local.get $candidate) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $candidate) (local.get $candidates)))))

  (func (export "probeComputed")
    (param $at i32) (param $end i32) (param $classes i32) (param $inverses i32) (param $weight f32)
    (param $candidate i32) (param $candidates i32)
    (local $posting i32) (local $place i32) (local $count i32) (local $sum i32)
    (local.set $count (i32.shr_u (i32.sub (local.get $end) (local.get $at)) (i32.const 1)))
    (if (i32.or (i32.eqz (local.get $count)) (i32.ge_u (local.get $candidate) (local.get $candidates))) (then (return)))
    (loop $next
      (local.set $place (i32.load16_u (local.get $candidate)))
      (local.set $posting (i32.load16_u (call $find (local.get $at) (local.get $count) (local.get $place))))
      (if (i32.eq (i32.shr_u (local.get $posting) (i32.const 4)) (local.get $place)) (then
        (local.set $sum (i32.shl (local.get $place) (i32.const 3)))
        (f64.store (local.get $sum) (f64.add (f64.load (local.get $sum)) (call $contribution
          (i32.and (local.get $posting) (i32.const 15))
          (i32.add (local.get $classes) (i32.shl (local.get $place) (i32.const 1)))
          (local.get $inverses)
          (local.get $weight))))))
      (local.set $candidate (i32.add (local.get $candidate) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $candidate) (local.get $candidates)))))

  ;; Leaves the candidates whose rounded sums are not below the floor, and their scores beside them: where they end.
  (func (export "collect")
    (param $candidate i32) (param $candidates i32) (param $score i32) (param $floor f32)
    (result i32)
    (local $kept i32) (local $place i32) (local $rounded f32) (local $stays i32)
    (local.set $kept (local.get $candidate))
    (if (i32.ge_u (local.get $candidate) (local.get $candidates)) (then (return (local.get $kept))))
    (loop $next
      (local.set $place (i32.load16_u (local.get $candidate)))
      (local.set $rounded (f32.demote_f64 (f64.load (i32.shl (local.get $place) (i32.const 3)))))
      (local.set $stays (i32.shl (f32.ge (local.get $rounded) (local.get $floor)) (i32.const 1)))
      (i32.store16 (local.get $kept) (local.get $place))
      (f32.store (local.get $score) (local.get $rounded))
      (local.set $kept (i32.add (local.get $kept) (local.get $stays)))
      (local.set $score (i32.add (local.get $score) (i32.shl (local.get $stays) (i32.const 1))))
      (local.set $candidate (i32.add (local.get $candidate) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $candidate) (local.get $candidates))))
    (local.get $kept))

  ;; Sums of the postings' documents become 0.
  (func (export "clear") (param $at i32) (param $end i32)
    (if (i32.ge_u (local.get $at) (local.get $end)) (then (return)))
    (loop $next
      (f64.store (i32.shl (i32.shr_u (i32.load16_u (local.get $at)) (i32.const 4)) (i32.const 3)) (f64.const 0))
      (local.set $at (i32.add (local.get $at) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  ;; All sums become 0.
  (func (export "clearAll") (memory.fill (i32.const 0) (i32.const 0) (i32.const 32768))))
