/**
 * The syscall player for arm64: the listing is the source, the bytes are what the assembler makes of it (a test
 * compares them). What it does is described in player-elf.ts.
 */

/** GNU assembler syntax for AArch64. */
export const listingArm64 = `
        .globl  _start
_start:
begin:  mov     x1, #0x10000000         // the program is read to here:
        mov     x20, #8                 // first its length,
        bl      fill
        ldur    w20, [x1, #-8]          // then as many bytes
        bl      fill
        mov     x19, #0x10000000        // x19: the present operation
        add     x19, x19, #8
step:   ldr     w20, [x19, #56]         // w20: control word
        mov     x9, #6                  // its arguments, last to first
load:   ldr     x10, [x19, x9, lsl #3]
        lsr     w11, w20, w9            // an address to take the argument from?
        tbz     w11, #0, keep
        ldr     x10, [x10]
keep:   str     x10, [sp, #-16]!
        subs    x9, x9, #1
        b.ne    load
        ldr     x0, [sp], #16
        ldr     x1, [sp], #16
        ldr     x2, [sp], #16
        ldr     x3, [sp], #16
        ldr     x4, [sp], #16
        ldr     x5, [sp], #16
        ldr     x8, [x19]
        svc     #0
        ldr     w9, [x19, #60]          // is the result wanted somewhere?
        cbz     w9, check
        str     x0, [x9]
check:  cmn     x0, #4095
        b.hs    failed
        cbz     x0, zero
        tbnz    w20, #7, parent         // fork, and we are the parent?
next:   tbnz    w20, #9, begin          // does another program follow?
over:   add     x19, x19, #64
        b       step
zero:   tbz     w20, #8, next           // may the result be 0?
        b       die
failed: neg     w0, w0
        tbz     w20, #0, die            // may it fail?
        ubfx    w9, w20, #16, #12       // with this error only?
        cbz     w9, skip
        cmp     w9, w0
        b.ne    die
skip:   lsr     w9, w20, #28            // then so many operations are left out
        add     x19, x19, x9, lsl #6
        b       over
die:    mov     x9, #0x10000000         // report (operation, errno)
        add     x9, x9, #8
        sub     x9, x19, x9
        lsr     x9, x9, #6
        stp     x9, x0, [sp, #-16]!
        bl      report
        mov     x0, #125
quit:   mov     x8, #94                 // exit_group
        svc     #0
parent: mov     w21, w0                 // reap until the child itself ends
        sub     sp, sp, #16
wait:   mov     x0, #-1
        mov     x1, sp
        mov     x2, #0
        mov     x3, #0
        mov     x8, #260                // wait4
        svc     #0
        cmp     w0, w21
        b.ne    wait
        ldr     w22, [sp]
        mov     x9, #-1                 // report (-1, wait status)
        stp     x9, x22, [sp, #-16]!
        bl      report
        ubfx    w0, w22, #8, #8         // pass the status on: exit code or 128 + signal
        ands    w9, w22, #0x7f
        b.eq    quit
        add     w0, w9, #128
        b       quit
report: mov     x0, #4                  // write the two words on the stack
        mov     x1, sp
        mov     x2, #16
        mov     x8, #64                 // write
        svc     #0
        ret
fill:   mov     x0, #3                  // read x20 bytes to x1
        mov     x2, x20
        mov     x8, #63                 // read
        svc     #0
        cmp     x0, #0
        b.le    short
        add     x1, x1, x0
        subs    x20, x20, x0
        b.ne    fill
        ret
short:  mov     x0, #125
        b       quit
`;

/** Machine code of the listing, in hexadecimal. */
export const codeArm64 = [
  '0100a2d2140180d24d00009434805fb84b0000941300a2d273220091743a40b9c90080d26a7a69f88b26c91a4b000036',
  '4a0140f9ea0f1ff8290500f141ffff54e00741f8e10741f8e20741f8e30741f8e40741f8e50741f8680240f9010000d4',
  '693e40b949000034200100f91ffc3fb102010054a00000b41403383734fc4f3773020191e6ffff17b4ff47360a000014',
  'e003004b14010036896e1053690000343f01006b81000054897e1c53731a098bf4ffff170900a2d229210091690209cb',
  '29fd46d3e903bfa917000094a00f80d2c80b80d2010000d4f503002aff4300d100008092e1030091020080d2030080d2',
  '882080d2010000d41f00156b21ffff54f60340b909008092e95bbfa906000094c03e0853c91a0072c0fdff5420010211',
  'ecffff17800080d2e1030091020280d2080880d2010000d4c0035fd6600080d2e20314aae80780d2010000d41f0000f1',
  'ad0000542100008b940200eb01ffff54c0035fd6a00f80d2daffff17',
].join('');
