import Refx

/// A language model whose output projection is its embedding: the tie that everything is about.
struct TiedModel: Codable {
  var name: Static<String>
  @RefField(collection: "params") var embedding: Tensor
  var head: Head
  var layers: [Layer]
  var bias: Ref<[Float]>?

  struct Head: Codable {
    var weight: Ref<Tensor>
  }

  struct Layer: Codable {
    @RefField(collection: "params") var weight: Tensor
    @RefField(collection: "batch_stats") var mean: [Float]
    var dropout: Double

    init(weight: Tensor, mean: [Float], dropout: Double) {
      self.dropout = dropout
      self.weight = weight
      self.mean = mean
    }
  }

  init(name: String, embedding: Ref<Tensor>, layers: [Layer]) {
    self.name = Static(name)
    self.layers = layers
    head = Head(weight: embedding)
    $embedding = embedding
  }

  static func make() -> TiedModel {
    let embedding = Ref(Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2]), collection: "params")
    let layers = (0..<2).map { n in
      Layer(weight: Tensor([Float(n), 2], shape: [2]), mean: [0.5, Float(n)], dropout: 0.1)
    }
    return TiedModel(name: "tiny", embedding: embedding, layers: layers)
  }
}

/// Adam's state refers to the parameters it moves.
struct Adam: Codable {
  var step: Int
  var moments: [Moment]

  struct Moment: Codable {
    var parameter: Ref<Tensor>
    var first: Ref<Tensor>
    var second: Ref<Tensor>
  }

  static func make(for model: TiedModel) -> Adam {
    let parameters = [model.head.weight] + model.layers.map { $0.$weight }
    return Adam(
      step: 100,
      moments: parameters.map { parameter in
        let zeros = Tensor([Float](repeating: 0, count: parameter.value.count), shape: parameter.value.shape)
        return Moment(
          parameter: parameter, first: Ref(zeros, collection: "opt"), second: Ref(zeros, collection: "opt"))
      })
  }
}

struct Training: Codable {
  var model: TiedModel
  var optimizer: Adam

  static func make() -> Training {
    let model = TiedModel.make()
    return Training(model: model, optimizer: Adam.make(for: model))
  }
}

/// A doubly linked node: the way back passes through a Ref.
final class RingNode: Codable {
  var name: String
  var next: Ref<RingNode?>
  var other: RingNode?

  init(_ name: String, next: Ref<RingNode?> = Ref(nil), other: RingNode? = nil) {
    self.name = name
    self.next = next
    self.other = other
  }
}

class Animal: Codable {
  var legs: Int = 4
  init() {}
}

/// Keeps its superclass's members apart, under "super".
final class Dog: Animal {
  var weight = Ref<Float>(0, collection: "params")
  private enum CodingKeys: String, CodingKey { case weight }

  override init() { super.init() }

  required init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    weight = try container.decode(Ref<Float>.self, forKey: .weight)
    try super.init(from: try container.superDecoder())
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(weight, forKey: .weight)
    try super.encode(to: container.superEncoder())
  }
}

/// Shares one container with its superclass.
final class Cat: Animal {
  var purr: Float = 1
  private enum CodingKeys: String, CodingKey { case purr }

  override init() { super.init() }

  required init(from decoder: any Decoder) throws {
    purr = try decoder.container(keyedBy: CodingKeys.self).decode(Float.self, forKey: .purr)
    try super.init(from: decoder)
  }

  override func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(purr, forKey: .purr)
    try super.encode(to: encoder)
  }
}

enum Activation: String, Codable, CaseIterable { case relu, gelu }
enum Axis: String, Codable, Hashable { case x, y }
enum Rank: Int, Codable, Hashable { case low = 1, high = 10 }

enum Schedule: Codable, Equatable {
  case constant
  case linear(from: Float, to: Float)
  case step(Int)
}

extension Tree where Element == Leaf {
  /// The tree in one line, payload and all: what the tests compare.
  var text: String {
    switch self {
    case .leaf(let leaf):
      switch leaf.dtype {
      case .float32: return "f32\(leaf.shape)\((try? leaf.tensor().elements(of: Float.self)) ?? [])"
      case .float64: return "f64\(leaf.shape)\((try? leaf.tensor().elements(of: Double.self)) ?? [])"
      case .int64: return "i64\(leaf.shape)\((try? leaf.tensor().elements(of: Int64.self)) ?? [])"
      default:
        let bytes = (try? leaf.tensor().bytes.withBytes { Array($0) }) ?? []
        return "\(leaf.dtype)\(leaf.shape)\(bytes)"
      }
    case .dictionary(let branches):
      return "{" + zip(branches.keys, branches.members).map { "\($0): \($1.text)" }.joined(separator: ", ")
        + "}"
    case .list(let members): return "[" + members.map(\.text).joined(separator: ", ") + "]"
    case .tuple(let members): return "(" + members.map(\.text).joined(separator: ", ") + ")"
    case .none: return "none"
    case .nothing: return "nothing"
    case .hole: return "hole"
    case .static(let value): return "\(value)"
    case .value(let value):
      return "#\(value.index)\(value.collection.map { "@\($0)" } ?? "")=\(value.value.text)"
    case .index(let index): return "#\(index.index)"
    }
  }
}

/// Encodes, decodes, encodes again: the two trees, and the model that came back.
func roundTrip<Model: Codable>(_ model: Model) throws -> (first: String, second: String, model: Model) {
  let tree = try TreeEncoder().encode(model)
  let back = try TreeDecoder().decode(Model.self, from: tree)
  return (tree.text, try TreeEncoder().encode(back).text, back)
}

/// The error that `body` throws.
func refusal<R>(_ body: () throws -> R) -> RefxError? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? RefxError
  }
}
