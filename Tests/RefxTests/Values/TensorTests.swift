import Refx
import Testing

@Suite struct TensorTests {
  private func address(_ leaf: Leaf) -> UnsafeRawPointer? {
    leaf.source.bytesInMemory.map { $0.withBytes { UnsafeRawPointer($0.baseAddress!) } }
  }

  @Test func copiesShareUntilOneIsWritten() {
    var one = Tensor([1, 2, 3, 4] as [Int32], shape: [2, 2])
    let two = one
    #expect(one.bytes === two.bytes)
    one.withMutableElements(of: Int32.self) { $0[0] = 9 }
    #expect(one.elements(of: Int32.self) == [9, 2, 3, 4])
    #expect(two.elements(of: Int32.self) == [1, 2, 3, 4])
    #expect(one != two)
  }

  @Test func aSoleHolderWritesInPlace() {
    var tensor = Tensor([1.0, 2.0])
    let before = tensor.bytes.start
    tensor.withMutableElements(of: Double.self) { $0[1] = 5 }
    #expect(tensor.bytes.start == before)
    #expect(tensor.elements() == [1.0, 5.0])
  }

  @Test func aLeafSharesTheTensorsBytes() throws {
    let tensor = Tensor([1.0, 2.0])
    let leaf = Leaf(tensor)
    #expect(try leaf.tensor().bytes === tensor.bytes)
    #expect(leaf.dtype == .float64 && leaf.shape == [2] && leaf.byteCount == 16 && leaf.count == 2)
    var copy = try leaf.tensor()
    copy.withMutableElements(of: Double.self) { $0[0] = 7 }
    #expect(try leaf.tensor() == tensor)
  }

  @Test func viewsAreCopiedBeforeTheyAreWritten() {
    let array: [Float] = [1, 2, 3]
    var tensor = Tensor(dtype: .float32, shape: [3], bytes: Leaf(array).source.bytesInMemory!)
    tensor.withMutableElements(of: Float.self) { $0[0] = 9 }
    #expect(array == [1, 2, 3])
    #expect(tensor.elements() == [9, 2, 3] as [Float])
  }

  @Test func anArraysLeafSharesItsStorage() throws {
    var array: [Float] = [1, 2, 3]
    let leaf = array.snapshot()
    #expect(array.withUnsafeBytes { $0.baseAddress } == address(leaf))
    // The snapshot stays as it was; the array moves away.
    array[0] = 9
    #expect(try [Float](leaf: leaf) == [1, 2, 3])
    #expect(array == [9, 2, 3])
  }

  @Test func singleElementsAndEmptyOnes() throws {
    let scalar = Tensor(3.5)
    #expect(scalar.shape == [] && scalar.count == 1 && scalar.bytes.byteCount == 8)
    #expect(try Double(leaf: Leaf(scalar)) == 3.5)
    let empty = Tensor([] as [Float], shape: [2, 0, 3])
    #expect(empty.count == 0 && empty.bytes.byteCount == 0 && empty.elements(of: Float.self) == [])
    #expect(try Leaf(empty).tensor() == empty)
    #expect(empty != Tensor([] as [Float], shape: [0]))
    #expect(try [Float](leaf: Leaf([] as [Float])) == [])
    #expect(Tensor([1] as [Int32]) != Tensor([1] as [UInt32]))
  }

  @Test func equalityIsOfBytes() {
    #expect(Tensor([Double.nan]) == Tensor([Double.nan]))
    #expect(Tensor([0.0]) != Tensor([-0.0]))
  }

  /// A leaf whose source has other bytes than its shape needs is refused where it is read.
  @Test(arguments: [
    (DType.float32, [3]), (.float32, []), (.float32, [-1]), (.float32, [1 << 40, 1 << 40]),
    (.float32, [1 << 61]),
  ])
  func sizesThatDoNotFit(_ dtype: DType, _ shape: [Int]) {
    let leaf = Leaf(dtype: dtype, shape: shape, source: MemoryBytes(sharing: [1, 2] as [Float]))
    #expect(throws: RefxError.self) { try leaf.tensor() }
    #expect(throws: RefxError.self) { try [Float](leaf: leaf) }
    #expect(throws: RefxError.self) { try TreeDecoder().decode(SIMD2<Float>.self, from: .leaf(leaf)) }
  }

  @Test func ownMemoryIsAligned() {
    for count in [0, 1, 7, 64, 4097] {
      let bytes = MemoryBytes(count: count) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
      #expect(UInt(bitPattern: bytes.start) % 16 == 0)
      #expect(count < 64 || UInt(bitPattern: bytes.start) % 64 == 0)
      var sum = 0
      bytes.withBytes { for byte in $0 { sum += Int(byte) } }
      #expect(sum == count)
    }
  }

  @Test func numbersComeBackAsThemselves() throws {
    func check<V: TensorRepresentable & Equatable>(_ value: V, _ dtype: DType, _ shape: [Int]) throws {
      let leaf = try value.snapshot()
      #expect(leaf.dtype == dtype && leaf.shape == shape)
      #expect(try V(leaf: leaf) == value)
    }
    try check(true, .bool, [])
    try check(Int8(-3), .int8, [])
    try check(Int16(-3), .int16, [])
    try check(Int32(-3), .int32, [])
    try check(Int64(-3), .int64, [])
    try check(Int.min, .int64, [])
    try check(UInt8(3), .uint8, [])
    try check(UInt16(3), .uint16, [])
    try check(UInt32(3), .uint32, [])
    try check(UInt64.max, .uint64, [])
    try check(UInt.max, .uint64, [])
    try check(Float16(1.5), .float16, [])
    try check(BFloat16(1.5), .bfloat16, [])
    try check(Float(1.5), .float32, [])
    try check(1.5, .float64, [])
    try check(Float8E4M3FN(1.5), .float8E4M3FN, [])
    try check(Float8E5M2(1.5), .float8E5M2, [])
    try check(Int4(-3), .int4, [])
    try check(UInt4(13), .uint4, [])
    try check([-8, 7] as [Int4], .int4, [2])
    try check(Complex<Float>(1, 2), .complex64, [])
    try check(Complex<Double>(1, 2), .complex128, [])
    try check([true, false], .bool, [2])
    try check([1, 2, 3] as [UInt16], .uint16, [3])
    try check(Tensor([1, 2, 3, 4] as [Int8], shape: [2, 2]), .int8, [2, 2])
  }

  @Test func nothingIsConvertedInSilence() {
    #expect(throws: RefxError.self) { try Int(leaf: Leaf(1.0)) }
    #expect(throws: RefxError.self) { try Int32(leaf: Leaf(1)) }
    #expect(throws: RefxError.self) { try Double(leaf: Leaf(Float(1))) }
    #expect(throws: RefxError.self) { try Double(leaf: Leaf([1.0])) }
    #expect(throws: RefxError.self) { try [Double](leaf: Leaf(1.0)) }
    #expect(throws: RefxError.self) { try [Double](leaf: Leaf(Tensor([1.0, 2.0], shape: [1, 2]))) }
    #expect(throws: RefxError.self) { try [Double](leaf: Leaf([1])) }
  }

  @Test func anyByteIsABoolean() throws {
    let bytes = MemoryBytes(count: 3) { $0.copyBytes(from: [0, 1, 7]) }
    #expect(try [Bool](leaf: Leaf(dtype: .bool, shape: [3], source: bytes)) == [false, true, true])
  }

  @Test func aSourceOfTheWrongSize() {
    let bytes = MemoryBytes(count: 3) { $0.copyBytes(from: [0, 1, 7]) }
    let error = #expect(throws: RefxError.self) {
      try [Float](leaf: Leaf(dtype: .float32, shape: [3], source: bytes))
    }
    #expect(error?.code == .damaged)
  }
}

@Suite struct StaticTests {
  @Test func valuesAndBack() {
    #expect(Static("relu").staticValue == .string("relu"))
    #expect(Static(3).staticValue == .int(3) && Static(2.5).staticValue == .float(2.5))
    #expect(Static(true).staticValue == .bool(true) && Static(Int64.min).staticValue == .int(.min))
    #expect(String(staticValue: .string("x")) == "x" && String(staticValue: .int(1)) == nil)
    #expect(Int(staticValue: .int(4)) == 4 && Int(staticValue: .float(4)) == nil)
    #expect(Int64(staticValue: .int(4)) == 4 && Int64(staticValue: .bool(true)) == nil)
    #expect(Double(staticValue: .float(4)) == 4 && Double(staticValue: .int(4)) == nil)
    #expect(Bool(staticValue: .bool(false)) == false && Bool(staticValue: .int(0)) == nil)
    #expect(StaticValue(staticValue: .int(4)) == 4)
  }

  @Test func equalityIsOfBytesAndBits() {
    #expect(StaticValue.string("\u{E9}") != .string("e\u{301}"))
    #expect(StaticValue.float(.nan) == .float(.nan) && StaticValue.float(0) != .float(-0.0))
    #expect(StaticValue.int(1) != .float(1) && StaticValue.int(1) != .bool(true))
    #expect(Set<StaticValue>([1, 1.0, true, "1"]).count == 4)
    #expect(Static("a") == Static("a") && Static("a") != Static("b"))
  }

  @Test func staticValuesAreStructure() throws {
    let one: Tree<Leaf> = ["f": .static("relu"), "w": .leaf(1)]
    let two: Tree<Leaf> = ["f": .static("gelu"), "w": .leaf(1)]
    #expect(one.structure != two.structure)
    #expect(one.leafCount == 1)
    #expect(treePartition(one).partitions[0].paths == [["w"]])
  }
}
