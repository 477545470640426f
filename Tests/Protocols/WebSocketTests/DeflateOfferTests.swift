import Testing

@testable import WebSocket

@Suite("permessage-deflate towards a server")
struct DeflateOfferTests {
    static let confirmed = "permessage-deflate; server_no_context_takeover"

    struct Case: Sendable {
        var answer: String
        var server = 15
        var client = 15
    }

    static let accepted: [Case] = [
        Case(answer: confirmed),
        Case(answer: confirmed + "; client_no_context_takeover"),
        Case(answer: "permessage-deflate; client_no_context_takeover; server_no_context_takeover"),
        Case(answer: confirmed + "; client_max_window_bits=15"),
        Case(answer: confirmed + "; client_max_window_bits=9", client: 9),
        Case(answer: confirmed + "; client_max_window_bits=\"12\"", client: 12),
        // Unasked, but a server may say so (RFC 7692 §7.1.2.1); 8 is small for us to read.
        Case(answer: confirmed + "; server_max_window_bits=15"),
        Case(answer: confirmed + "; server_max_window_bits=8", server: 8),
        // What Python's websockets answers.
        Case(
            answer: confirmed + "; client_no_context_takeover; server_max_window_bits=12"
                + "; client_max_window_bits=12", server: 12, client: 12),
    ]

    @Test("answers that are agreements", arguments: accepted)
    func agreement(row: Case) throws {
        let agreement = try #require(try DeflateOffer.read(try extensions([row.answer])))
        #expect(agreement.serverWindowBits == row.server)
        #expect(agreement.clientWindowBits == row.client)
        // Ours never do: that is our word, confirmed or not.
        #expect(!agreement.serverKeepsContext && !agreement.clientKeepsContext)
    }

    @Test("no answer declines")
    func declined() throws {
        #expect(try DeflateOffer.read(ExtensionList()) == nil)
    }

    static let refused: [(lines: [String], error: HandshakeError)] = [
        (["x-webkit-deflate-frame"], .unofferedExtension),
        (["Permessage-Deflate; server_no_context_takeover"], .unofferedExtension),
        ([confirmed + ", mux"], .unofferedExtension),
        (["mux, " + confirmed], .unofferedExtension),
        ([confirmed + ", " + confirmed], .repeatedExtension),
        ([confirmed, confirmed], .repeatedExtension),
        ([confirmed + "; unknown"], .illegalDeflateAnswer),
        ([confirmed + "; mem_level=9"], .illegalDeflateAnswer),
        ([confirmed + "; server_no_context_takeover"], .illegalDeflateAnswer),
        (["permessage-deflate; server_no_context_takeover=1"], .illegalDeflateAnswer),
        ([confirmed + "; client_no_context_takeover=true"], .illegalDeflateAnswer),
        (
            [confirmed + "; client_no_context_takeover; client_no_context_takeover"],
            .illegalDeflateAnswer
        ),
        // Without a value it is for offers only (§7.1.2.2).
        ([confirmed + "; client_max_window_bits"], .illegalDeflateAnswer),
        ([confirmed + "; client_max_window_bits=7"], .illegalDeflateAnswer),
        ([confirmed + "; client_max_window_bits=16"], .illegalDeflateAnswer),
        ([confirmed + "; client_max_window_bits=010"], .illegalDeflateAnswer),
        (
            [confirmed + "; client_max_window_bits=9; client_max_window_bits=9"],
            .illegalDeflateAnswer
        ),
        ([confirmed + "; server_max_window_bits"], .illegalDeflateAnswer),
        ([confirmed + "; server_max_window_bits=16"], .illegalDeflateAnswer),
        (
            [confirmed + "; server_max_window_bits=9; server_max_window_bits=10"],
            .illegalDeflateAnswer
        ),
        // Legal, but not what we asked for or can do.
        (["permessage-deflate"], .unsupportedDeflateAnswer),
        (["permessage-deflate; client_no_context_takeover"], .unsupportedDeflateAnswer),
        ([confirmed + "; client_max_window_bits=8"], .unsupportedDeflateAnswer),
    ]

    @Test("answers that fail the connection", arguments: refused)
    func refusal(lines: [String], error: HandshakeError) throws {
        let answer = try extensions(lines)
        #expect(throws: error) { try DeflateOffer.read(answer) }
        #expect(!error.description.isEmpty)
    }

    @Test("our own answers to our own offer are agreements, and the same ones")
    func roundTrip() throws {
        let offer = try extensions([DeflateOffer.headerValue])
        #expect(offer.onlyDeflate == DeflateOffer.headerValue)
        for (server, client) in [(15, 15), (9, 9), (11, 10), (15, 12)] {
            for keepsContext in [false, true] {
                let policy = DeflateNegotiation.Policy(
                    serverWindowBits: server, clientWindowBits: client, keepsContext: keepsContext)
                let ours = try #require(DeflateNegotiation.answer(offer, policy: policy))
                let answer = try extensions([ours.headerValue])
                #expect(DeflateOffer.isAcceptable(answer, to: offer))
                let theirs = try #require(try DeflateOffer.read(answer))
                #expect(theirs.clientWindowBits == ours.clientWindowBits)
                #expect(theirs.serverWindowBits >= ours.serverWindowBits)
                #expect(theirs.serverKeepsContext == ours.serverKeepsContext)
                #expect(theirs.clientKeepsContext == ours.clientKeepsContext)
            }
        }
    }
}

@Suite("permessage-deflate between the two ends")
struct DeflatePassedOnTests {
    @Test(
        "of a client's offers those of permessage-deflate go on as they are",
        arguments: [
            ([], nil), (["mux"], nil), (["Permessage-Deflate, x-webkit-deflate-frame"], nil),
            (["permessage-deflate"], "permessage-deflate"),
            (
                ["mux; a=1, permessage-deflate ; client_max_window_bits,later"],
                "permessage-deflate; client_max_window_bits"
            ),
            (
                ["permessage-deflate;server_max_window_bits=\"10\"", "mux, permessage-deflate"],
                "permessage-deflate; server_max_window_bits=10, permessage-deflate"
            ),
            // Not for us to judge: the server declines it.
            (["permessage-deflate; unknown=\"\\a\""], "permessage-deflate; unknown=a"),
        ] as [([String], String?)])
    func onlyDeflate(lines: [String], value: String?) throws {
        let list = try extensions(lines)
        #expect(list.onlyDeflate == value)
        guard let value else { return }
        let again = try extensions([value])
        #expect(again.elements == list.elements.filter { $0.name == "permessage-deflate" })
    }

    @Test(
        "the answer may only be permessage-deflate, once, and only if it was offered",
        arguments: [
            ([], ["permessage-deflate"], true), ([], [], true), ([], ["mux"], true),
            (["permessage-deflate"], ["permessage-deflate"], true),
            (["permessage-deflate; server_max_window_bits=10"], ["mux, permessage-deflate"], true),
            (["permessage-deflate"], [], false), (["permessage-deflate"], ["mux"], false),
            (["mux"], ["mux"], false), (["mux"], ["permessage-deflate"], false),
            (["permessage-deflate, mux"], ["permessage-deflate, mux"], false),
            (["permessage-deflate, permessage-deflate"], ["permessage-deflate"], false),
            (["permessage-deflate", "permessage-deflate"], ["permessage-deflate"], false),
        ] as [([String], [String], Bool)])
    func acceptable(answer: [String], offers: [String], isAcceptable: Bool) throws {
        #expect(
            DeflateOffer.isAcceptable(try extensions(answer), to: try extensions(offers))
                == isAcceptable)
    }
}
