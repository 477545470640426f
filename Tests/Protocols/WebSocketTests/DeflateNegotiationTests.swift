import Testing

@testable import WebSocket

@Suite("permessage-deflate negotiation")
struct DeflateNegotiationTests {
    static let plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    struct Case: Sendable {
        var offers: String
        var server = 15
        var client = 15
        /// What comes behind `plain` in the answer; nil when all offers are declined.
        var answer: String?
        var policy = DeflateNegotiation.Policy()
    }

    private func answer(
        _ offers: String, _ policy: DeflateNegotiation.Policy = .init()
    ) throws -> DeflateAgreement? {
        DeflateNegotiation.answer(try extensions([offers]), policy: policy)
    }

    static let small = DeflateNegotiation.Policy(serverWindowBits: 11, clientWindowBits: 10)

    static let cases: [Case] = [
        Case(offers: "permessage-deflate", answer: ""),
        // What Chromium and Firefox send.
        Case(offers: "permessage-deflate; client_max_window_bits", answer: ""),
        // What Safari sends.
        Case(offers: "permessage-deflate", answer: ""),
        // What Python's websockets sends.
        Case(
            offers: "permessage-deflate; client_max_window_bits=12", client: 12, answer: ""),
        Case(
            offers: "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            server: 12, client: 12, answer: "; server_max_window_bits=12"),
        Case(
            offers: "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
            answer: ""),
        Case(
            offers: "permessage-deflate; server_max_window_bits=15",
            answer: "; server_max_window_bits=15"),
        Case(
            offers: "permessage-deflate; server_max_window_bits=9", server: 9,
            answer: "; server_max_window_bits=9"),
        Case(
            offers: "permessage-deflate; server_max_window_bits=\"10\"", server: 10,
            answer: "; server_max_window_bits=10"),
        Case(offers: "permessage-deflate; client_max_window_bits=8", client: 8, answer: ""),

        // The first offer that can be kept wins (RFC 7692 §5.2).
        Case(
            offers: "permessage-deflate; server_max_window_bits=8, permessage-deflate", answer: ""),
        Case(
            offers: "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            server: 10, answer: "; server_max_window_bits=10"),
        Case(offers: "permessage-bzip2, permessage-deflate", answer: ""),
        Case(offers: "permessage-deflate; later=1, permessage-deflate", answer: ""),

        // A policy of smaller windows: the client is told if it allows that.
        Case(offers: "permessage-deflate", server: 11, client: 15, answer: "", policy: small),
        Case(
            offers: "permessage-deflate; client_max_window_bits", server: 11, client: 10,
            answer: "; client_max_window_bits=10", policy: small),
        Case(
            offers: "permessage-deflate; client_max_window_bits=9; server_max_window_bits=14",
            server: 11, client: 9,
            answer: "; server_max_window_bits=11; client_max_window_bits=9", policy: small),
        Case(
            offers: "permessage-deflate; server_max_window_bits=10", server: 10, client: 15,
            answer: "; server_max_window_bits=10", policy: small),

        // Several header lines and many offers are one list; 8 is too small for our deflater.
        Case(
            offers: """
                permessage-deflate; server_max_window_bits=8; client_max_window_bits, \
                permessage-deflate; server_max_window_bits, \
                permessage-deflate; server_max_window_bits=9
                """, server: 9, answer: "; server_max_window_bits=9"),
        Case(
            offers: "permessage-deflate; client_max_window_bits=\"09\", permessage-deflate",
            answer: ""),
        Case(
            offers: "permessage-deflate; client_max_window_bits=8", server: 11, client: 8,
            answer: "; client_max_window_bits=8", policy: small),

        // Declined: other extensions, and offers that break RFC 7692 §7.1.
        Case(offers: "x-webkit-deflate-frame"),
        Case(offers: "permessage-bzip2"),
        Case(offers: "Permessage-Deflate"),
        Case(offers: "permessage-deflate; unknown"),
        Case(offers: "permessage-deflate; server_no_context_takeover=1"),
        Case(offers: "permessage-deflate; client_no_context_takeover=true"),
        Case(offers: "permessage-deflate; server_no_context_takeover; server_no_context_takeover"),
        Case(offers: "permessage-deflate; client_no_context_takeover; client_no_context_takeover"),
        Case(offers: "permessage-deflate; client_max_window_bits; client_max_window_bits"),
        Case(offers: "permessage-deflate; client_max_window_bits=9; client_max_window_bits"),
        Case(offers: "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9"),
        Case(offers: "permessage-deflate; server_max_window_bits"),
        Case(offers: "permessage-deflate; server_max_window_bits=8"),
        Case(offers: "permessage-deflate; server_max_window_bits=7"),
        Case(offers: "permessage-deflate; server_max_window_bits=16"),
        Case(offers: "permessage-deflate; server_max_window_bits=09"),
        Case(offers: "permessage-deflate; server_max_window_bits=+9"),
        Case(offers: "permessage-deflate; server_max_window_bits=1e1"),
        Case(offers: "permessage-deflate; client_max_window_bits=7"),
        Case(offers: "permessage-deflate; client_max_window_bits=16"),
        Case(offers: "permessage-deflate; client_max_window_bits=08"),
        Case(offers: "permessage-deflate; client_max_window_bits=999999999999999999999"),
        Case(offers: "permessage-deflate; Server_max_window_bits=10"),
    ]

    /// Windows are kept: the answer is spelled out, because nothing in it goes without saying.
    struct KeptCase: Sendable {
        var offer: String
        var server = 15
        var client = 15
        var serverKeeps = true
        var clientKeeps = true
        var answer: String
        var policy = DeflateNegotiation.Policy(keepsContext: true)
    }

    static let smallKept = DeflateNegotiation.Policy(
        serverWindowBits: 11, clientWindowBits: 10, keepsContext: true)

    static let keptCases: [KeptCase] = [
        KeptCase(offer: "", answer: ""),
        KeptCase(
            offer: "; server_no_context_takeover", serverKeeps: false,
            answer: "; server_no_context_takeover"),
        KeptCase(
            offer: "; client_no_context_takeover", clientKeeps: false,
            answer: "; client_no_context_takeover"),
        KeptCase(
            offer: "; client_no_context_takeover; server_no_context_takeover", serverKeeps: false,
            clientKeeps: false, answer: "; server_no_context_takeover; client_no_context_takeover"),
        // Only what is below 15 need be said, and only to who allows it.
        KeptCase(offer: "; client_max_window_bits", answer: ""),
        KeptCase(offer: "; client_max_window_bits=15", answer: ""),
        KeptCase(
            offer: "; client_max_window_bits=12", client: 12,
            answer: "; client_max_window_bits=12"),
        KeptCase(
            offer: "; client_max_window_bits=8", client: 8, answer: "; client_max_window_bits=8"),
        KeptCase(
            offer: "; server_max_window_bits=15", answer: "; server_max_window_bits=15"),
        KeptCase(
            offer: "; server_max_window_bits=9", server: 9, answer: "; server_max_window_bits=9"),
        KeptCase(offer: "", server: 11, client: 15, answer: "", policy: smallKept),
        KeptCase(
            offer: "; client_max_window_bits", server: 11, client: 10,
            answer: "; client_max_window_bits=10", policy: smallKept),
        KeptCase(
            offer: "; client_max_window_bits=9; server_max_window_bits=12", server: 11, client: 9,
            answer: "; server_max_window_bits=11; client_max_window_bits=9", policy: smallKept),
    ]

    @Test("windows are kept unless the offer says otherwise", arguments: keptCases)
    func kept(row: KeptCase) throws {
        let expected = DeflateAgreement(
            serverWindowBits: row.server, clientWindowBits: row.client,
            serverKeepsContext: row.serverKeeps, clientKeepsContext: row.clientKeeps,
            headerValue: DeflateNegotiation.name + row.answer)
        #expect(try answer(DeflateNegotiation.name + row.offer, row.policy) == expected)
        // What cannot be kept cannot be kept with memory either.
        let bad = "permessage-deflate; server_max_window_bits=8"
        #expect(try answer(bad, row.policy) == nil)
        #expect(
            try answer(bad + ", permessage-deflate" + row.offer, row.policy) == expected)
    }

    @Test("offers on several lines are one list")
    func lines() throws {
        let list = try extensions([
            "x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=8",
            "permessage-deflate; server_max_window_bits=12, permessage-deflate",
        ])
        #expect(DeflateNegotiation.answer(list)?.serverWindowBits == 12)
    }

    @Test("offers and answers", arguments: cases)
    func table(row: Case) throws {
        let agreement = try answer(row.offers, row.policy)
        let expected = row.answer.map {
            DeflateAgreement(
                serverWindowBits: row.server, clientWindowBits: row.client,
                headerValue: Self.plain + $0)
        }
        #expect(agreement == expected)
    }

    @Test("every answer is itself a legal header with one extension", arguments: cases)
    func answersAreLegal(row: Case) throws {
        guard let agreement = try answer(row.offers, row.policy) else { return }
        let list = try extensions([agreement.headerValue])
        #expect(list.elements.map(\.name) == [DeflateNegotiation.name])
    }

    @Test("no offers, no agreement")
    func none() {
        #expect(DeflateNegotiation.answer(ExtensionList()) == nil)
    }
}
