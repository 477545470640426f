/// The parameters of one legal element `permessage-deflate` (RFC 7692 §7.1).
struct DeflateParameters: Sendable, Equatable {
    /// Which side of the negotiation an element is from.
    enum Role: Sendable {
        case offer
        case answer
    }

    static let name = "permessage-deflate"

    var serverNoContextTakeover = false
    var clientNoContextTakeover = false
    var serverWindowBits: Int?
    /// 15 when an offer named no value.
    var clientWindowBits: Int?

    init() {}

    /// Nil for an unknown or repeated parameter and for an illegal value: such an offer must be
    /// declined, such an answer fails the connection (§7.1).
    init?(_ parameters: [ExtensionList.Parameter], of role: Role) {
        for parameter in parameters {
            switch parameter.name {
            case "server_no_context_takeover":
                guard !serverNoContextTakeover, parameter.value == nil else { return nil }
                serverNoContextTakeover = true
            case "client_no_context_takeover":
                guard !clientNoContextTakeover, parameter.value == nil else { return nil }
                clientNoContextTakeover = true
            case "server_max_window_bits":
                guard serverWindowBits == nil, let bits = Self.bits(parameter.value) else {
                    return nil
                }
                serverWindowBits = bits
            case "client_max_window_bits":
                // Only an offer may leave the value away (§7.1.2.2).
                let value = parameter.value ?? (role == .offer ? "15" : nil)
                guard clientWindowBits == nil, let bits = Self.bits(value) else { return nil }
                clientWindowBits = bits
            default: return nil
            }
        }
    }

    /// The element as it is answered.
    var headerValue: String {
        var value = Self.name
        if serverNoContextTakeover { value += "; server_no_context_takeover" }
        if clientNoContextTakeover { value += "; client_no_context_takeover" }
        if let serverWindowBits { value += "; server_max_window_bits=\(serverWindowBits)" }
        if let clientWindowBits { value += "; client_max_window_bits=\(clientWindowBits)" }
        return value
    }

    /// 8 to 15 in decimal, without leading zeros.
    private static func bits(_ text: String?) -> Int? {
        switch text {
        case "8": 8
        case "9": 9
        case "10": 10
        case "11": 11
        case "12": 12
        case "13": 13
        case "14": 14
        case "15": 15
        default: nil
        }
    }
}
