import ArgumentParser
import Clock
import Control
import Crypto
import JSON
import JWT
import Settings
import Transport

/// `gateway token`: a token for trying things out, made with the configuration's own secret or with
/// the private key of who makes the tokens.
struct TokenCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Make a token that the configuration accepts, to try things out.",
        discussion: """
            The user and the roles go into the claims that the jwt block reads. Anyone with the \
            token is let in: treat it like a password. Examples: gateway token --user 7 --role \
            admin; gateway token --key issuer.pem --kid 2026 --user 7
            """)

    @OptionGroup var option: ConfigurationOption

    @Option(help: "The 'jwt' block to make the token for; may be left out when there is only one.")
    var rule: String?

    @Option(help: "The user that the token is for.")
    var user: String?

    @Option(help: "A role of the user; may be given several times.")
    var role: [String] = []

    @Option(
        help: ArgumentHelp(
            "One more claim: NAME=TEXT, NAME[]=TEXT,… or NAME:=JSON; may be given several times. A"
                + " dot in NAME leads into a claim: realm_access.roles[]=admin,staff"))
    var claim: [TokenClaim] = []

    @Option(help: "How long the token is valid, such as 30s, 15m, 1h, 7d.")
    var expires = TokenLifetime.standard

    @Option(help: "The issuer ('iss'); by default the one that the jwt block expects.")
    var issuer: String?

    @Option(help: "The audience ('aud'); by default the first one that the jwt block expects.")
    var audience: String?

    @Option(
        help: ArgumentHelp(
            "The key to sign with: a private key in PEM form, or a secret as JSON Web Key; by"
                + " default the first secret of the jwt block.", valueName: "file"))
    var key: String?

    @Option(
        help: ArgumentHelp(
            "The algorithm to sign with; by default the first one of the jwt block that the key is"
                + " for.",
            valueName: "name"))
    var algorithm: SignatureAlgorithm?

    @Option(help: "The name of the key ('kid'); by default none, or that of the JSON Web Key.")
    var kid: String?

    func run() throws {
        let settings = try option.file.loadForCommand(showsWarnings: false)
        let rule = try chosenRule(of: settings)
        let signer = try signer(of: rule)
        let algorithm = try chosenAlgorithm(of: rule, signer)
        var header = JSONObject()
        header["alg"] = .string(algorithm.rawValue)
        header["typ"] = .string("JWT")
        let keyID = kid ?? signer.keyID
        if let keyID { header["kid"] = .string(keyID) }
        let token = try CompactToken.encode(header: header, claims: claims(by: rule)) {
            input throws(CryptoError) in try signer.sign(input, algorithm)
        }
        guard token.count <= CompactToken.octetLimit else {
            throw ValidationError("The token would be longer than the gateway accepts.")
        }
        try check(token, algorithm, keyID, rule)
        print(String(decoding: token, as: UTF8.self))
    }

    private func chosenRule(of settings: Settings) throws -> TokenSettings {
        if settings.tokens.isEmpty {
            Terminal.complain("\(option.file.path): there is no 'jwt' block to make a token for")
            throw CommandEnd(code: Control.ExitCode.configuration)
        }
        let names = settings.tokens.map { "'\($0.name)'" }.joined(separator: ", ")
        guard let rule else {
            guard settings.tokens.count == 1 else {
                throw ValidationError(
                    "There are several 'jwt' blocks, name one with --rule: \(names)")
            }
            return settings.tokens[0]
        }
        guard let chosen = settings.tokens.first(where: { $0.name == rule }) else {
            throw ValidationError("There is no 'jwt' block '\(rule)', only \(names)")
        }
        return chosen
    }

    /// What was asked for by name wins over what the rule suggests.
    private func claims(by rule: TokenSettings) throws -> JSONObject {
        let now = SystemClock.wallTime().seconds
        var claims = JSONObject()
        if let issuer = issuer ?? rule.issuer { claims["iss"] = .string(issuer) }
        if let audience = audience ?? rule.audiences.first { claims["aud"] = .string(audience) }
        claims["iat"] = .number(JSONNumber(now))
        claims["exp"] = .number(JSONNumber(now + expires.seconds))
        if let user { try claims.add(.string(user), at: rule.userClaim) }
        if let first = role.first {
            try claims.add(
                role.count == 1 ? .string(first) : .array(role.map(JSONValue.string)),
                at: rule.roleClaim)
        }
        for claim in claim { try claims.add(claim.value, at: claim.name) }
        return claims
    }
}

extension JSONObject {
    /// A claim where rules find it: names joined by dots lead into objects. The name of a claim
    /// that is a URL holds dots of its own.
    fileprivate mutating func add(_ value: JSONValue, at path: String) throws {
        if path.contains("/") {
            self[path] = value
        } else if !set(value, at: path) {
            throw ValidationError(
                "The claim '\(path)' cannot be set: the claim that it would be in is not an object."
            )
        }
    }
}
