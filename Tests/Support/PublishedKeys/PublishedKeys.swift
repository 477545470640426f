/// JSON Web Signature: keys and a signature of appendix A, in base64url.
package enum RFC7515 {
    /// HMAC with SHA-256.
    package enum A1 {
        package static let secret =
            "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
        package static let token =
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsD"
            + "QogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW"
            + "1gFWFOEjXk"
    }

    /// A point of P-256.
    package enum A3 {
        package static let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
        package static let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    }
}

/// JSON Web Key: the first public key of appendix A.1.
package enum RFC7517 {
    /// A point of P-256.
    package enum A1 {
        package static let x = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
        package static let y = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
        /// In JSON, without braces and without what the key is for.
        package static let members = #""kty":"EC","crv":"P-256","x":"\#(x)","y":"\#(y)""#
    }
}

/// Ed25519 in JSON Web Keys: the public key of appendix A.2.
package enum RFC8037 {
    package enum A2 {
        package static let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
        /// In JSON, without braces.
        package static let members = #""kty":"OKP","crv":"Ed25519","x":"\#(x)""#
    }
}
