import Clock
import JSON
import JWT
import Settings

@testable import Identity

/// A token of the simulation, `u7-k1-e30-admin-j4`: whose it is, with which key it was signed, for
/// how many seconds of the history it is good, the role that it names, and its name.
struct Credential: Hashable {
    var user: Int
    var key: Int
    var seconds: Int64
    var role: String
    var number: Int

    var text: String { "u\(user)-k\(key)-e\(seconds)-\(role)-j\(number)" }

    init(user: Int, key: Int, seconds: Int64, role: String, number: Int) {
        self.user = user
        self.key = key
        self.seconds = seconds
        self.role = role
        self.number = number
    }

    init?(_ text: String) {
        let parts = text.split(separator: "-").map(String.init)
        guard parts.count == 5, let user = Int(parts[0].dropFirst()),
            let key = Int(parts[1].dropFirst()), let seconds = Int64(parts[2].dropFirst()),
            let number = Int(parts[4].dropFirst())
        else { return nil }
        self.init(user: user, key: key, seconds: seconds, role: parts[3], number: number)
    }

    func expires(_ begin: WallTime) -> WallTime { begin.advanced(by: .seconds(seconds)) }

    /// Whom it lets in, once it was verified.
    func identity(_ begin: WallTime, rule: String) -> VerifiedIdentity? {
        let claims = #"{"sub":"u\#(user)","role":"\#(role)","jti":"j\#(number)"}"#
        guard let object = (try? JSONValue.decode(claims.utf8.span))?.object else { return nil }
        return VerifiedIdentity(
            user: "u\(user)", roles: [role], claims: object, encodedClaims: "",
            expires: expires(begin), algorithm: .hs256, rule: rule, forwardsToken: false,
            fieldNames: .init(user: "X-Auth-User", role: "X-Auth-Role", claims: "X-Auth-Claims"))
    }
}
