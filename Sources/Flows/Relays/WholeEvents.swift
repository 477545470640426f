internal import Bytes
internal import EventStream

/// Passes an event stream on event by event: what follows the last boundary of an input is held
/// back until its end comes, so that something may be put in. An event that is too long to be held
/// goes on as it comes; meanwhile nothing can be put in.
///
///     between --the beginning of an event is too long to be held--> within --its end--> between
struct WholeEvents: ~Copyable, Sendable {
    /// Where the client stands.
    enum Position {
        /// Boundaries cannot be told: the app compresses the stream, although it was not asked to.
        case opaque
        case between
        /// A part of an event was sent that was too long to be held.
        case within
    }

    enum Passage {
        /// Octets of the input, in this range.
        case range(Range<Int>)
        /// What was written.
        case written
    }

    /// What is known of the input at hand.
    private enum Scan {
        case none
        /// An event ends there, and it is the last that does.
        case boundary(Int)
        /// What is left is the beginning of an event.
        case rest
    }

    /// The longest beginning of an event that is held.
    static let heldSize = 64 * 1024

    private(set) var position: Position
    private var boundary = EventBoundary()
    private var scan = Scan.none
    /// Octets of the app's went on.
    private var hasBegun = false
    private var held: [UInt8] = []

    init(isOpaque: Bool) { position = isOpaque ? .opaque : .between }

    var heldCount: Int { held.count }

    /// What goes on next of the input, from `index` on; to be asked with the same input until it is
    /// nil. Behind the last boundary it stops once, before it looks at the rest.
    ///
    /// - Parameter output: empty.
    mutating func next(
        _ input: Span<UInt8>, at index: inout Int, into output: inout [UInt8]
    ) -> Passage? {
        guard index < input.count else {
            scan = .none
            return nil
        }
        if position == .opaque { return pass(input, &index, to: input.count, into: &output) }
        if case .none = scan {
            scan = .rest
            if let end = boundary.scan(input.extracting(index..<input.count)) {
                scan = .boundary(index + end)
            }
        }
        switch scan {
        case .boundary(let end):
            scan = .rest
            position = .between
            return pass(input, &index, to: end, into: &output)
        case .none, .rest:
            if position == .between, held.count + input.count - index <= Self.heldSize {
                held.append(copying: input.extracting(index..<input.count))
                skip(input, at: &index)
                return nil
            }
            position = .within
            return pass(input, &index, to: input.count, into: &output)
        }
    }

    /// What is left of the input goes nowhere.
    mutating func skip(_ input: Span<UInt8>, at index: inout Int) {
        scan = .none
        index = input.count
    }

    /// The input up to `end`, behind what was held.
    private mutating func pass(
        _ input: Span<UInt8>, _ index: inout Int, to end: Int, into output: inout [UInt8]
    ) -> Passage {
        let start = index
        index = end
        if held.isEmpty { return .range(start + skippedCount()..<end) }
        held.append(copying: input.extracting(start..<end))
        takeHeld(into: &output)
        return .written
    }

    /// The stream is over: a last event without its empty line.
    ///
    /// - Parameter output: empty, and stays so when nothing is held.
    mutating func takeHeld(into output: inout [UInt8]) {
        if held.isEmpty { return }
        let skipped = skippedCount()
        if skipped > 0 { held.removeFirst(skipped) }
        output = held
        held = []
    }

    mutating func forgetHeld() { held = [] }

    /// How many octets to leave out in front of what is sent next: a byte order mark, when it is
    /// the first of all. Behind an event of the gateway's it would be a part of a field's name.
    private mutating func skippedCount() -> Int {
        if hasBegun { return 0 }
        hasBegun = true
        return position == .opaque ? 0 : boundary.markCount
    }
}
