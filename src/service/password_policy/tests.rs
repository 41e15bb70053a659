use super::*;

fn accept(password: &str, email: &str, codes: bool) -> Result<()> {
    let name = Name::parse("quixotl.vander").unwrap();
    let email = (!email.is_empty()).then(|| Email::parse(email).unwrap());
    let owner = Owner { name: &name, email: email.as_ref(), codes };
    PasswordPolicy::new(&Policy::new("https://auth.example.org")).accept("password", &Secret::new(password), &owner)
}

fn is_weak(outcome: &Result<()>, problem: &str) -> bool {
    matches!(outcome, Err(Error::WeakPassword { field: "password", problem: said }) if said.contains(problem))
}

#[test]
fn length_is_counted_in_code_points_and_by_factor() {
    // 7, 8, 14 and 15 characters, alone and beside one-time codes.
    for (password, alone, beside) in
        [("kx7 vq2", false, false), ("kx7 vq2m", false, true), ("kx7 vq2m zr9 w", false, true), ("kx7 vq2m zr9 wd", true, true)]
    {
        assert_eq!(accept(password, "", false).is_ok(), alone, "{password} alone");
        assert_eq!(accept(password, "", true).is_ok(), beside, "{password} beside codes");
        assert!(alone || is_weak(&accept(password, "", false), "at least 15 characters"));
        assert!(beside || is_weak(&accept(password, "", true), "at least 8 characters"));
    }
    // Five letters of three bytes each are 15 bytes and five characters.
    assert!(is_weak(&accept("\u{8a9e}\u{5b57}\u{6f22}\u{66f8}\u{9053}", "", false), "at least 15"));
}

#[test]
fn any_characters_make_a_password() {
    for good in [
        "kanalwasserpumpe im regen",
        "   leading and trailing spaces   ",
        "\u{43f}\u{430}\u{440}\u{43e}\u{43b}\u{44c} \u{43a}\u{43e}\u{442}\u{43e}\u{440}\u{43e}\u{433}\u{43e} \u{43d}\u{435}\u{442}",
        "\u{1f980}\u{1f40c} otter \u{1f419} violin \u{1f991} kettle",
        "tab\tand \0 bytes are taken too",
    ] {
        assert!(accept(good, "", false).is_ok(), "{good}");
    }
    let long = "seven otters play violin near the kettle factory, ".repeat(4);
    assert!(accept(&long[..64], "", false).is_ok());
    assert!(accept(&long, "", false).is_ok());
}

#[test]
fn what_anybody_would_guess_is_refused_with_the_reason() {
    for weak in ["aaaaaaaaaaaaaaaa", "123456789012345678", "passwordpassword", "countersign2026", "quixotl.vander99"] {
        assert!(is_weak(&accept(weak, "", false), "too easy to guess"), "{weak}");
    }
    assert!(accept("marigoldxyz4711_4", "", false).is_ok());
    assert!(
        is_weak(&accept("marigoldxyz4711_4", "marigoldxyz4711@corp.example", false), "too easy to guess"),
        "the e-mail address"
    );
    for common in ["password", "iloveyou", "trustno1", "1q2w3e4r", "qwertyuiop", "Countersign1"] {
        assert!(is_weak(&accept(common, "", true), "too easy to guess"), "{common} beside codes");
    }
}

#[test]
fn past_its_limit_it_is_no_password_at_all() {
    let invalid = |password: &str| matches!(accept(password, "", false), Err(Error::Invalid { field: "password", .. }));
    assert!(invalid(""));
    assert!(invalid(&"kx7 vq2m".repeat(129)));
    assert!(!invalid(&"kx7 vq2m".repeat(128)));
}
