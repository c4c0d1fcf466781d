;; The inner loops of the index; `port.ts` states what they compute. All addresses and lengths are in bytes.
(module
  (import "memory" "shared" (memory 1 65536 shared))

  ;; scoresAt of the port for inner products: four rows at a time, so that their additions do not wait for each other.
  (func (export "innerProductsAt")
    (param $query i32) (param $addresses i32) (param $count i32) (param $stride i32) (param $out i32)
    (local $cursor i32) (local $end i32) (local $floats v128)
    (local $row0 i32) (local $row1 i32) (local $row2 i32) (local $row3 i32)
    (local $sums0 v128) (local $sums1 v128) (local $sums2 v128) (local $sums3 v128)
    (local.set $end (i32.add (local.get $query) (local.get $stride)))
    (loop $fourRows
      (local.set $row0 (i32.load (local.get $addresses)))
      (local.set $row1 (i32.load offset=4 (local.get $addresses)))
      (local.set $row2 (i32.load offset=8 (local.get $addresses)))
      (local.set $row3 (i32.load offset=12 (local.get $addresses)))
      (local.set $sums0 (v128.const f32x4 0 0 0 0))
      (local.set $sums1 (v128.const f32x4 0 0 0 0))
      (local.set $sums2 (v128.const f32x4 0 0 0 0))
      (local.set $sums3 (v128.const f32x4 0 0 0 0))
      (local.set $cursor (local.get $query))
      (loop $eightFloats
        (local.set $floats (v128.load (local.get $cursor)))
        (local.set $sums0 (f32x4.add (local.get $sums0) (f32x4.mul (local.get $floats) (v128.load (local.get $row0)))))
        (local.set $sums1 (f32x4.add (local.get $sums1) (f32x4.mul (local.get $floats) (v128.load (local.get $row1)))))
        (local.set $sums2 (f32x4.add (local.get $sums2) (f32x4.mul (local.get $floats) (v128.load (local.get $row2)))))
        (local.set $sums3 (f32x4.add (local.get $sums3) (f32x4.mul (local.get $floats) (v128.load (local.get $row3)))))
        (local.set $floats (v128.load offset=16 (local.get $cursor)))
        (local.set $sums0 (f32x4.add (local.get $sums0) (f32x4.mul (local.get $floats) (v128.load offset=16 (local.get $row0)))))
        (local.set $sums1 (f32x4.add (local.get $sums1) (f32x4.mul (local.get $floats) (v128.load offset=16 (local.get $row1)))))
        (local.set $sums2 (f32x4.add (local.get $sums2) (f32x4.mul (local.get $floats) (v128.load offset=16 (local.get $row2)))))
        (local.set $sums3 (f32x4.add (local.get $sums3) (f32x4.mul (local.get $floats) (v128.load offset=16 (local.get $row3)))))
        (local.set $row0 (i32.add (local.get $row0) (i32.const 32)))
        (local.set $row1 (i32.add (local.get $row1) (i32.const 32)))
        (local.set $row2 (i32.add (local.get $row2) (i32.const 32)))
        (local.set $row3 (i32.add (local.get $row3) (i32.const 32)))
        (local.set $cursor (i32.add (local.get $cursor) (i32.const 32)))
        (br_if $eightFloats (i32.lt_u (local.get $cursor) (local.get $end))))
      (f32.store (local.get $out) (call $addLanes (local.get $sums0)))
      (f32.store offset=4 (local.get $out) (call $addLanes (local.get $sums1)))
      (f32.store offset=8 (local.get $out) (call $addLanes (local.get $sums2)))
      (f32.store offset=12 (local.get $out) (call $addLanes (local.get $sums3)))
      (local.set $addresses (i32.add (local.get $addresses) (i32.const 16)))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (local.set $count (i32.sub (local.get $count) (i32.const 4)))
      (br_if $fourRows (local.get $count))))

  ;; The same for squared distances, times -1.
  (func (export "distancesAt")
    (param $query i32) (param $addresses i32) (param $count i32) (param $stride i32) (param $out i32)
    (local $cursor i32) (local $end i32) (local $floats v128)
    (local $row0 i32) (local $row1 i32) (local $row2 i32) (local $row3 i32)
    (local $sums0 v128) (local $sums1 v128) (local $sums2 v128) (local $sums3 v128)
    (local.set $end (i32.add (local.get $query) (local.get $stride)))
    (loop $fourRows
      (local.set $row0 (i32.load (local.get $addresses)))
      (local.set $row1 (i32.load offset=4 (local.get $addresses)))
      (local.set $row2 (i32.load offset=8 (local.get $addresses)))
      (local.set $row3 (i32.load offset=12 (local.get $addresses)))
      (local.set $sums0 (v128.const f32x4 0 0 0 0))
      (local.set $sums1 (v128.const f32x4 0 0 0 0))
      (local.set $sums2 (v128.const f32x4 0 0 0 0))
      (local.set $sums3 (v128.const f32x4 0 0 0 0))
      (local.set $cursor (local.get $query))
      (loop $eightFloats
        (local.set $floats (v128.load (local.get $cursor)))
        (local.set $sums0 (call $lessSquare (local.get $sums0) (local.get $floats) (v128.load (local.get $row0))))
        (local.set $sums1 (call $lessSquare (local.get $sums1) (local.get $floats) (v128.load (local.get $row1))))
        (local.set $sums2 (call $lessSquare (local.get $sums2) (local.get $floats) (v128.load (local.get $row2))))
        (local.set $sums3 (call $lessSquare (local.get $sums3) (local.get $floats) (v128.load (local.get $row3))))
        (local.set $floats (v128.load offset=16 (local.get $cursor)))
        (local.set $sums0 (call $lessSquare (local.get $sums0) (local.get $floats) (v128.load offset=16 (local.get $row0))))
        (local.set $sums1 (call $lessSquare (local.get $sums1) (local.get $floats) (v128.load offset=16 (local.get $row1))))
        (local.set $sums2 (call $lessSquare (local.get $sums2) (local.get $floats) (v128.load offset=16 (local.get $row2))))
        (local.set $sums3 (call $lessSquare (local.get $sums3) (local.get $floats) (v128.load offset=16 (local.get $row3))))
        (local.set $row0 (i32.add (local.get $row0) (i32.const 32)))
        (local.set $row1 (i32.add (local.get $row1) (i32.const 32)))
        (local.set $row2 (i32.add (local.get $row2) (i32.const 32)))
        (local.set $row3 (i32.add (local.get $row3) (i32.const 32)))
        (local.set $cursor (i32.add (local.get $cursor) (i32.const 32)))
        (br_if $eightFloats (i32.lt_u (local.get $cursor) (local.get $end))))
      (f32.store (local.get $out) (call $addLanes (local.get $sums0)))
      (f32.store offset=4 (local.get $out) (call $addLanes (local.get $sums1)))
      (f32.store offset=8 (local.get $out) (call $addLanes (local.get $sums2)))
      (f32.store offset=12 (local.get $out) (call $addLanes (local.get $sums3)))
      (local.set $addresses (i32.add (local.get $addresses) (i32.const 16)))
      (local.set $out (i32.add (local.get $out) (i32.const 16)))
      (local.set $count (i32.sub (local.get $count) (i32.const 4)))
      (br_if $fourRows (local.get $count))))

  (func $addLanes (param $sums v128) (result f32)
    (f32.add
      (f32.add (f32x4.extract_lane 0 (local.get $sums)) (f32x4.extract_lane 1 (local.get $sums)))
      (f32.add (f32x4.extract_lane 2 (local.get $sums)) (f32x4.extract_lane 3 (local.get $sums)))))

  ;; Subtracted from 0, so that a distance of 0 is not -0.
  (func $lessSquare (param $sums v128) (param $a v128) (param $b v128) (result v128)
    (local $gap v128)
    (local.set $gap (f32x4.sub (local.get $a) (local.get $b)))
    (f32x4.sub (local.get $sums) (f32x4.mul (local.get $gap) (local.get $gap))))

  ;; screen of the port. A pair of the query's numbers is loaded once and multiplied with the same pair of all 32 rows,
  ;; which lie in one cache line; a sum in each lane belongs to one row, so that nothing is added across lanes.
  (func (export "screen")
    (param $query i32) (param $block i32) (param $pairs i32)
    (param $scale f32) (param $slack f32) (param $threshold f32) (result i32)
    (local $pair v128) (local $scales v128) (local $slacks v128) (local $thresholds v128) (local $mask i32)
    (local $rows0 v128) (local $rows4 v128) (local $rows8 v128) (local $rows12 v128)
    (local $rows16 v128) (local $rows20 v128) (local $rows24 v128) (local $rows28 v128)
    (loop $pairOfAll
      (local.set $pair (v128.load32_splat (local.get $query)))
      (local.set $rows0 (i32x4.add (local.get $rows0)
        (i32x4.dot_i16x8_s (v128.load8x8_s (local.get $block)) (local.get $pair))))
      (local.set $rows4 (i32x4.add (local.get $rows4)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=8 (local.get $block)) (local.get $pair))))
      (local.set $rows8 (i32x4.add (local.get $rows8)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=16 (local.get $block)) (local.get $pair))))
      (local.set $rows12 (i32x4.add (local.get $rows12)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=24 (local.get $block)) (local.get $pair))))
      (local.set $rows16 (i32x4.add (local.get $rows16)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=32 (local.get $block)) (local.get $pair))))
      (local.set $rows20 (i32x4.add (local.get $rows20)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=40 (local.get $block)) (local.get $pair))))
      (local.set $rows24 (i32x4.add (local.get $rows24)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=48 (local.get $block)) (local.get $pair))))
      (local.set $rows28 (i32x4.add (local.get $rows28)
        (i32x4.dot_i16x8_s (v128.load8x8_s offset=56 (local.get $block)) (local.get $pair))))
      (local.set $query (i32.add (local.get $query) (i32.const 4)))
      (local.set $block (i32.add (local.get $block) (i32.const 64)))
      (br_if $pairOfAll (local.tee $pairs (i32.sub (local.get $pairs) (i32.const 1)))))
    (local.set $scales (f32x4.splat (local.get $scale)))
    (local.set $slacks (f32x4.splat (local.get $slack)))
    (local.set $thresholds (f32x4.splat (local.get $threshold)))
    ;; $block has arrived at the floats after the codes.
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows0) (local.get $block) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 0))))
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows4) (i32.add (local.get $block) (i32.const 16)) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 4))))
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows8) (i32.add (local.get $block) (i32.const 32)) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 8))))
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows12) (i32.add (local.get $block) (i32.const 48)) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 12))))
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows16) (i32.add (local.get $block) (i32.const 64)) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 16))))
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows20) (i32.add (local.get $block) (i32.const 80)) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 20))))
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows24) (i32.add (local.get $block) (i32.const 96)) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 24))))
    (local.set $mask (i32.or (local.get $mask) (i32.shl
      (call $mayEnter (local.get $rows28) (i32.add (local.get $block) (i32.const 112)) (local.get $scales) (local.get $slacks) (local.get $thresholds))
      (i32.const 28))))
    (local.get $mask))

  ;; Bit i is 1 where row i of four may reach the threshold; `$floats` is the address of the first one's scale.
  (func $mayEnter
    (param $products v128) (param $floats i32) (param $scales v128) (param $slacks v128) (param $thresholds v128)
    (result i32)
    (i32x4.bitmask
      (f32x4.ge
        (f32x4.add
          (f32x4.add
            (f32x4.mul
              (f32x4.mul (f32x4.convert_i32x4_s (local.get $products)) (local.get $scales))
              (v128.load (local.get $floats)))
            (f32x4.mul (local.get $slacks) (v128.load offset=128 (local.get $floats))))
          (v128.load offset=256 (local.get $floats)))
        (local.get $thresholds))))
)
