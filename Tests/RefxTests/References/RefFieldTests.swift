import Refx
import Testing

private struct Linear {
  @RefField(collection: "params") var w: Tensor
  @RefField(collection: "batch_stats") var mean: Double = 0
  var name = "linear"

  init(w: Tensor) {
    self.w = w
  }
}

private struct Untouched {
  @RefField(collection: "params") var w: Tensor
}

private final class Counter {
  @RefField(collection: "counts") var count: Int

  init(count: Int) {
    self.count = count
  }
}

/// Twins of what the original's suite asserts of RefField.
@Suite struct RefFieldTests {
  @Test func aStructOfFields() {
    var layer = Linear(w: Tensor([1.0, 2.0]))
    #expect(layer.w == Tensor([1.0, 2.0]))
    #expect(layer.$w.collection == "params")
    #expect(layer.mean == 0)
    #expect(layer.$mean.collection == "batch_stats")
    let ref = layer.$w
    layer.w = Tensor([3.0])
    #expect(layer.$w === ref)
    #expect(ref.value == Tensor([3.0]))
    layer.name = "dense"
    #expect(Linear(w: Tensor([0.0])).$mean !== layer.$mean)
  }

  /// Assigning writes through, even where the struct itself is a constant.
  @Test func assigningChangesTheRefsValue() {
    let layer = Linear(w: Tensor([1.0]))
    let copy = layer
    layer.mean = 4
    #expect(copy.mean == 4)
    #expect(copy.$mean === layer.$mean)
  }

  /// `layer.w = someRef` cannot compile: the property is of the value's type. The key path shows it.
  @Test func aRefCannotBeAssignedToTheProperty() {
    let property: AnyKeyPath = \Linear.w
    #expect(property is WritableKeyPath<Linear, Tensor>)
    #expect(!(property is KeyPath<Linear, Ref<Tensor>>))
  }

  @Test func fieldsAreTiedByTheirRefs() {
    let a = Linear(w: Tensor([1.0]))
    var b = Linear(w: Tensor([2.0]))
    b.$w = a.$w
    a.w = Tensor([5.0])
    #expect(b.w == Tensor([5.0]))
  }

  @Test func aClassOfFields() {
    let counter = Counter(count: 1)
    counter.count += 1
    #expect(counter.count == 2)
    #expect(counter.$count.value == 2)
    #expect(counter.$count.collection == "counts")
  }

  /// The original raises where a field is read before it is set; here that is a programmer's error.
  @Test func anUnsetField() async {
    let untouched = Untouched()
    let ref = untouched.$w
    #expect(throws: RefxError.self) { try ref.get() }
    // The first value is no change, so it comes even where the collection is not mutable.
    mutable({ _ in false }) { untouched.w = Tensor([1.0]) }
    #expect(untouched.$w === ref)
    #expect(ref.collection == "params")
    #expect(untouched.w == Tensor([1.0]))

    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Untouched().w
    }
    #expect(result?.stderr.contains("a Ref of collection 'params' is not set") == true)
  }

  @Test func aBoundary() throws {
    let layer = Linear(w: Tensor([1.0]))
    withTraceLevel {
      #expect(throws: RefxError.self) { try layer.$w.get() }
      #expect(throws: RefxError.self) { try layer.$w.set(Tensor([2.0])) }
    }
    let after = try crossingBoundary(["w": .ref(layer.$w)]) { inside in
      inside["w"]?.ref(as: Leaf.self)?.value = Leaf(Tensor([9.0]))
      return inside
    }
    #expect(layer.w == Tensor([1.0]))
    try updateRefs(["w": .ref(layer.$w)] as RefTree, after)
    #expect(layer.w == Tensor([9.0]))
  }

  @Test func inPlaceThroughTheField() {
    struct Model { @RefField var values: [Int] = Array(0..<100) }
    let model = Model()
    let address = model.values.withUnsafeBufferPointer { $0.baseAddress }
    model.values[0] = 7
    #expect(model.values.withUnsafeBufferPointer { $0.baseAddress } == address)
    #expect(model.values[0] == 7)
  }
}

extension ExitTest.Result {
  /// What the process wrote to standard error.
  var stderr: String { String(decoding: standardErrorContent, as: UTF8.self) }
}
