import Clock
import Endings
import Identity
import JSON
import JWT
import Randomness
import Settings
import Testing

private func decode(_ octets: [UInt8]) -> Result<ControlRequest, ControlError> {
    do throws(ControlError) {
        return .success(try ControlRequest.decode(octets.span))
    } catch {
        return .failure(error)
    }
}

private func decode(_ text: String) -> Result<ControlRequest, ControlError> {
    decode(Array(text.utf8))
}

private func refresh(_ token: String) -> Result<ControlRequest, ControlError> {
    .success(.refresh(token: Secret(Array(token.utf8))))
}

@Suite("Messages of gateway.v1")
struct ControlMessageTests {
    @Test(
        "a refresh is read in every spelling JSON allows",
        arguments: [
            (#"{"type":"auth.refresh","token":"a.b.c"}"#, "a.b.c"),
            (#"{"token":"a.b.c","type":"auth.refresh"}"#, "a.b.c"),
            (" { \"type\" : \"auth.refresh\" ,\r\n\t\"token\" : \"a\" } ", "a"),
            (#"{"type":"auth\u002erefresh","token":"\u0061"}"#, "a"),
        ])
    func refreshing(text: String, token: String) {
        #expect(decode(text) == refresh(token))
    }

    @Test(
        "whatever else is none",
        arguments: [
            ("", .malformed), ("{}", .unknownType), ("[]", .malformed), ("null", .malformed),
            ("\"auth.refresh\"", .malformed), (#"{"type":"auth.refresh"}"#, .malformed),
            (#"{"type":"auth.refresh","token":""}"#, .malformed),
            (#"{"type":"auth.refresh","token":7}"#, .malformed),
            (#"{"type":"auth.refresh","token":null}"#, .malformed),
            (#"{"type":"auth.refresh","token":["a"]}"#, .malformed),
            (#"{"type":"auth.refresh","token":"a","more":1}"#, .malformed),
            (#"{"type":"auth.refresh","token":"a","token":"b"}"#, .malformed),
            (#"{"type":"auth.refresh","token":"a"}x"#, .malformed),
            (#"{"type":"auth.refresh","token":"a""#, .malformed),
            (#"{"type":["auth.refresh"],"token":"a"}"#, .unknownType),
            (#"{"token":"a"}"#, .unknownType), (#"{"type":7,"token":"a"}"#, .unknownType),
            (#"{"type":"auth.Refresh","token":"a"}"#, .unknownType),
            (#"{"type":"auth.refresh ","token":"a"}"#, .unknownType),
            (#"{"type":"chat","text":"hello"}"#, .unknownType), (#"{"type":""}"#, .unknownType),
            ("{\"type\":\"a\u{0}\"}", .malformed), (#"{"a":[[[[[]]]]],"type":"b"}"#, .unknownType),
        ] as [(String, ControlError)])
    func refusing(text: String, expected: ControlError) {
        #expect(decode(text) == .failure(expected))
    }

    @Test("too much of another type is another type, too much of a request is none")
    func large() {
        let values = String(repeating: "7,", count: 5000) + "7"
        #expect(decode(#"{"type":"b","c":[\#(values)]}"#) == .failure(.unknownType))
        #expect(decode(#"{"c":[\#(values)],"d":"auth.refresh"}"#) == .failure(.unknownType))
        let deep = #"{"type":"auth.refresh","token":"a","b":[[[[[]]]]]}"#
        #expect(decode(deep) == .failure(.malformed))
        #expect(decode(#"{"type":"auth.refresh","c":[\#(values)]}"#) == .failure(.tooLarge))
    }

    @Test("octets that are no UTF-8 are refused")
    func octets() {
        let octets = Array("{\"type\":\"".utf8) + [0xFF] + Array("\"}".utf8)
        #expect(decode(octets) == .failure(.malformed))
    }

    @Test("the longest token fits, a message beyond the limit is not looked at")
    func size() {
        let longest = String(repeating: "a", count: CompactToken.octetLimit)
        #expect(decode("{\"type\":\"auth.refresh\",\"token\":\"\(longest)\"}") == refresh(longest))
        let blank = "{\"type\":\"auth.refresh\",\"token\":\"a\"}"
        func padded(_ length: Int) -> String {
            blank + String(repeating: " ", count: length - blank.utf8.count)
        }
        #expect(decode(padded(ControlRequest.octetLimit)) == refresh("a"))
        #expect(decode(padded(ControlRequest.octetLimit + 1)) == .failure(.tooLarge))
    }

    @Test("no cut and no random change is taken for more than it says")
    func mutations() {
        let whole = Array(#"{"type":"auth.refresh","token":"abc"}"#.utf8)
        for length in 0..<whole.count {
            #expect(decode(Array(whole[..<length])) == .failure(.malformed))
        }
        var generator = SeededGenerator(seed: 6455)
        var errors: Set<ControlError> = []
        for _ in 0..<4000 {
            switch decode(generator.mutated(whole)) {
            case .success(.refresh(let token)): #expect(!token.octets.isEmpty)
            case .failure(let error): errors.insert(error)
            }
        }
        #expect(errors == [.malformed, .unknownType])
    }

    @Test("every error says what it is, and nothing of the message")
    func errors() {
        #expect(
            ControlError.allCases.map(\.refusal.detail) == ControlError.allCases.map(\.rawValue))
        #expect(ControlError.allCases.map(\.refusal.reason.closeCode) == [1009, 1007, 1002])
    }

    @Test("replies are written as the contract says")
    func replies() throws {
        let refusal = Refusal(
            .unauthenticated, detail: "token_expired", message: "Token \"expired\"\n")
        let bare = Refusal(.forbidden, message: "No")
        let table: [(ControlReply, String)] = [
            (.tokenExpiring(expiresInSeconds: 60), #"{"type":"token_expiring","expires_in":60}"#),
            (
                .refreshed(expiresInSeconds: 3600),
                #"{"type":"auth.refreshed","expires_in":3600}"#
            ),
            (.refreshed(expiresInSeconds: nil), #"{"type":"auth.refreshed"}"#),
            (
                .error(refusal, at: WallTime(seconds: 1_795_226_400)),
                #"{"type":"error","error":{"message":"Token \"expired\"\n","code":4001,"#
                    + #""details":{"reason":"token_expired"},"#
                    + #""timestamp":"2026-11-21T02:00:00Z"}}"#
            ),
            (
                .error(bare, at: WallTime(seconds: 0)),
                #"{"type":"error","error":{"message":"No","code":4003,"#
                    + #""details":{"reason":"forbidden"},"timestamp":"1970-01-01T00:00:00Z"}}"#
            ),
        ]
        for (reply, expected) in table {
            #expect(String(decoding: reply.octets, as: UTF8.self) == expected)
            _ = try JSONValue.decode(reply.octets.span)
        }
    }

    @Test("a refresh that was accepted says how long the new token lasts, leeway included")
    func refreshed() throws {
        let token = try authenticate(signed("{\"exp\":\(now.seconds + 100)}"))
        #expect(ControlReply(refreshed: token, now: now) == .refreshed(expiresInSeconds: 130))
        let later = now.advanced(by: .milliseconds(500))
        #expect(ControlReply(refreshed: token, now: later) == .refreshed(expiresInSeconds: 129))
        let endless = try authenticate(signed("{}"))
        #expect(ControlReply(refreshed: endless, now: now) == .refreshed(expiresInSeconds: nil))
    }
}

@Suite("A new token for a live connection")
struct RefreshDecisionTests {
    @Test(
        "goes on for the same user of the same block, and for nobody else",
        arguments: [
            (#"{"sub":"7"}"#, #"{"sub":"7"}"#, true), (#"{"sub":7}"#, #"{"sub":"7"}"#, true),
            (#"{"sub":"7"}"#, #"{"sub":"8"}"#, false), (#"{"sub":"7"}"#, "{}", false),
            ("{}", #"{"sub":"7"}"#, false), ("{}", "{}", false),
            (#"{"sub":"a"}"#, #"{"sub":"A"}"#, false),
            (#"{"sub":"K"}"#, #"{"sub":"\u212a"}"#, false),
        ])
    func users(current: String, new: String, expected: Bool) throws {
        let decision = RefreshDecision(
            current: try authenticate(signed(current)), new: try authenticate(signed(new)))
        #expect(decision == (expected ? .accepted : .otherUser))
        #expect(decision.refusal?.reason == (expected ? nil : .forbidden))
        #expect(decision.refusal?.reason.closeCode == (expected ? nil : 4003))
    }

    @Test("user 7 of one issuer is not user 7 of another")
    func rules() throws {
        let token = try signed(#"{"sub":"7"}"#)
        let staff = try authenticate(token, settings("staff"))
        let visitor = try authenticate(token, settings("visitors"))
        #expect(RefreshDecision(current: staff, new: visitor) == .otherUser)
        #expect(RefreshDecision(rule: "staff", user: "7", new: staff) == .accepted)
        #expect(RefreshDecision(rule: "staff", user: nil, new: staff) == .otherUser)
    }
}
