;; The inner loop of histograms, `addRows` of `histogram-kernel.ts`. All parameters are addresses in bytes. The four columns
;; are written out: the engine would not put so large a function in place of all four calls.
(module
  (import "memory" "shared" (memory 1 65536 shared))

  (func (export "addRows")
    (param $row i32) (param $end i32) (param $bins i32) (param $gradients i32)
    (param $sums0 i32) (param $sums1 i32) (param $sums2 i32) (param $sums3 i32)
    (param $counts0 i32) (param $counts1 i32) (param $counts2 i32) (param $counts3 i32)
    (local $word i32) (local $bin i32) (local $at i32) (local $pair v128)
    (loop $rows
      ;; A byte of the word is the row's bin in one of the four columns.
      (local.set $word
        (i32.load (i32.add (local.get $bins) (i32.shl (i32.load (local.get $row)) (i32.const 2)))))
      (local.set $pair (v128.load (local.get $gradients)))
      (local.set $bin (i32.and (local.get $word) (i32.const 255)))
      (local.set $at (i32.add (local.get $sums0) (i32.shl (local.get $bin) (i32.const 4))))
      (v128.store (local.get $at) (f64x2.add (v128.load (local.get $at)) (local.get $pair)))
      (local.set $at (i32.add (local.get $counts0) (i32.shl (local.get $bin) (i32.const 2))))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (local.set $bin (i32.and (i32.shr_u (local.get $word) (i32.const 8)) (i32.const 255)))
      (local.set $at (i32.add (local.get $sums1) (i32.shl (local.get $bin) (i32.const 4))))
      (v128.store (local.get $at) (f64x2.add (v128.load (local.get $at)) (local.get $pair)))
      (local.set $at (i32.add (local.get $counts1) (i32.shl (local.get $bin) (i32.const 2))))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (local.set $bin (i32.and (i32.shr_u (local.get $word) (i32.const 16)) (i32.const 255)))
      (local.set $at (i32.add (local.get $sums2) (i32.shl (local.get $bin) (i32.const 4))))
      (v128.store (local.get $at) (f64x2.add (v128.load (local.get $at)) (local.get $pair)))
      (local.set $at (i32.add (local.get $counts2) (i32.shl (local.get $bin) (i32.const 2))))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (local.set $bin (i32.shr_u (local.get $word) (i32.const 24)))
      (local.set $at (i32.add (local.get $sums3) (i32.shl (local.get $bin) (i32.const 4))))
      (v128.store (local.get $at) (f64x2.add (v128.load (local.get $at)) (local.get $pair)))
      (local.set $at (i32.add (local.get $counts3) (i32.shl (local.get $bin) (i32.const 2))))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (local.set $row (i32.add (local.get $row) (i32.const 4)))
      (local.set $gradients (i32.add (local.get $gradients) (i32.const 16)))
      (br_if $rows (i32.lt_u (local.get $row) (local.get $end)))))
)
