/// Which differences are let pass, everywhere or at some places. Nothing is, unless it is named:
///
/// ```swift
/// struct Model: Codable {
///   var body: [Float] = [0, 0]
///   var head: [Float] = [3, 4]
/// }
/// var model = Model()
/// let tree: Tree<Leaf> = ["body": .leaf([1, 2] as [Float]), "ema": .leaf([9] as [Float])]
/// let aNewHead = Leniency.missing.only(at: "the head") { $0.keys.first == "head" }
/// try TreeDecoder(allowing: [aNewHead, .unexpected]).restore(&model, from: tree)
/// assert(model.body == [1, 2] && model.head == [3, 4])
/// ```
///
/// With RefxIO a place is a glob: `[.missing("head/**"), .unexpected("ema/**")]`. A glob or function is asked for
/// the path of each leaf and of each Ref, not for the dictionaries on the way: `head/**`, not `head`.
public struct Leniency: Sendable {
  /// What is let pass, each at its places.
  let allowances: [Allowance]

  enum Kind: String, CaseIterable, Sendable {
    case unexpected, missingOptionals, plainForRef, refForPlain, missing, collection, shape
  }

  struct Allowance: Sendable {
    let kind: Kind
    /// Nil stands for every place.
    let scope: Scope?
  }

  struct Scope: Sendable {
    let name: String
    let contains: @Sendable (Path) -> Bool
  }

  /// The file holds more than the model asks for; the rest is left.
  public static let unexpected = Leniency(.unexpected)
  /// The file lacks what is Optional in the model; it becomes nil, in `restore` it must be nil already. For
  /// formats that drop nil, and models that have gained a property.
  public static let missingOptionals = Leniency(.missingOptionals)
  /// A plain value stands where the model has a Ref; the Ref is then its own, without a collection. In `restore`
  /// the model's Ref takes the value, and plain values at several sites of one Ref must be equal.
  public static let plainForRef = Leniency(.plainForRef)
  /// A shared value stands where the model has a plain one; each site then gets a copy.
  public static let refForPlain = Leniency(.refForPlain)
  /// In `restore`: the file lacks what the model has; the model keeps it. A model that is loaded has nothing to
  /// keep, so there it lets pass what is Optional alone, as ``missingOptionals`` does.
  public static let missing = Leniency(.missing)
  /// A Ref belongs to another collection in the file; it stays in the model's, or in `load` is in none.
  public static let collection = Leniency(.collection)
  /// In `restore`: an array has another shape in the file; the model keeps its own. For a head of another size.
  public static let shape = Leniency(.shape)

  private init(_ kind: Kind) { allowances = [Allowance(kind: kind, scope: nil)] }

  /// Everything that one of `parts` lets pass.
  public init(_ parts: some Sequence<Leniency>) { allowances = parts.flatMap(\.allowances) }

  private init(_ allowances: [Allowance]) { self.allowances = allowances }

  /// The same at some places alone: where this and every earlier narrowing holds.
  ///
  /// - Parameters:
  ///   - name: how a message calls the places.
  ///   - contains: whether the leaf or Ref at a path is among them.
  public func only(at name: String, _ contains: @escaping @Sendable (Path) -> Bool) -> Leniency {
    Leniency(
      allowances.map { allowance in
        guard let scope = allowance.scope else {
          return Allowance(kind: allowance.kind, scope: Scope(name: name, contains: contains))
        }
        let both: @Sendable (Path) -> Bool = { scope.contains($0) && contains($0) }
        return Allowance(kind: allowance.kind, scope: Scope(name: "\(scope.name), \(name)", contains: both))
      })
  }

  /// What this or `other` lets pass.
  public func union(_ other: Leniency) -> Leniency { Leniency([self, other]) }
}

extension Leniency: ExpressibleByArrayLiteral {
  public init(arrayLiteral parts: Leniency...) { self.init(parts) }
}

/// A leniency in use by one walk, which remembers what came of it.
final class Allowances {
  private struct Scoped {
    let allowance: Leniency.Allowance
    let scope: Leniency.Scope
    var isUsed = false
  }

  private var everywhere: Set<Leniency.Kind> = []
  private var scoped: [Scoped] = []
  private var scopedKinds: Set<Leniency.Kind> = []

  init(_ leniency: Leniency) {
    for allowance in leniency.allowances {
      if let scope = allowance.scope {
        scoped.append(Scoped(allowance: allowance, scope: scope))
        scopedKinds.insert(allowance.kind)
      } else {
        everywhere.insert(allowance.kind)
      }
    }
  }

  func allowEverywhere(_ kind: Leniency.Kind) -> Bool { everywhere.contains(kind) }

  /// Whether a difference that was found at `place` passes.
  func allow(_ kind: Leniency.Kind, at place: @autoclosure () -> Place) -> Bool {
    if everywhere.contains(kind) { return true }
    guard scopedKinds.contains(kind) else { return false }
    let path = place().path
    var isAllowed = false
    // Each that holds is used, not the first alone.
    for number in scoped.indices where scoped[number].allowance.kind == kind {
      if scoped[number].scope.contains(path) {
        scoped[number].isUsed = true
        isAllowed = true
      }
    }
    return isAllowed
  }

  /// The parts of a tree that nobody asked for and that do not pass: the whole where nothing in it does.
  func refused(_ found: Tree<Leaf>, at place: Place) -> [(tree: Tree<Leaf>, place: Place)] {
    if everywhere.contains(.unexpected) { return [] }
    guard scopedKinds.contains(.unexpected) else { return [(found, place)] }
    var refused: [(tree: Tree<Leaf>, place: Place)] = []
    var isAllRefused = true
    func visit(_ tree: Tree<Leaf>, _ place: Place) {
      switch tree {
      case .dictionary(let branches) where branches.count > 0:
        for position in branches.keys.indices {
          visit(branches.members[position], place.appending(branches.keys[position]))
        }
      case .list(let members) where !members.isEmpty, .tuple(let members) where !members.isEmpty:
        for position in members.indices { visit(members[position], place.appending(position: position)) }
      default:
        if allow(.unexpected, at: place) { isAllRefused = false } else { refused.append((tree, place)) }
      }
    }
    visit(found, place)
    return isAllRefused ? [(found, place)] : refused
  }

  /// A sentence for each allowance of some places that let nothing pass. It is said where something else was
  /// refused: the places may be misspelled.
  var unused: [String] {
    scoped.filter { !$0.isUsed }.map { RefxError.unusedAllowance($0.allowance.kind.rawValue, $0.scope.name) }
  }
}
