/// A text that equals only what is spelt the same. A `String` would also equal what merely looks
/// the same.
struct ExactText: Sendable, Hashable {
    private let octets: [UInt8]

    init(_ text: String) { octets = Array(text.utf8) }
}
