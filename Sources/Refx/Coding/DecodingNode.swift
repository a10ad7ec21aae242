/// What a decoder looks at.
enum DecodingNode {
  case tree(Tree<Leaf>)
  /// Nothing stands here: each value that is asked for below is a difference.
  case missing
  /// What stands here was found wrong and said so: nothing below is a difference besides.
  case known

  /// How a message calls it.
  var summary: String? {
    guard case .tree(let tree) = self else { return nil }
    return switch tree {
    case .leaf(let leaf): leaf.summary
    case .static(let value): "\(value)"
    case .value, .index: "a Ref"
    case .dictionary: "a dictionary"
    case .list: "a list"
    case .tuple: "a tuple"
    case .none: "none"
    case .nothing: "nothing"
    case .hole: "a hole: its content is in another part"
    }
  }
}

/// How a message calls what a Swift type wants to find.
func wanted(_ type: Any.Type) -> String {
  if let number = type as? any TensorElement.Type { return "\(number.dtype) []" }
  if let row = type as? any ElementArray.Type { return "\(row.elementDType) [n]" }
  if type == String.self { return "a string" }
  if type is any TensorRepresentable.Type { return "a leaf" }
  return "\(type)"
}

/// An array of native elements: a leaf with one dimension.
protocol ElementArray {
  static var elementDType: DType { get }
}

extension Array: ElementArray where Element: TensorElement {
  static var elementDType: DType { Element.dtype }
}
